"""What the catalog refuses or cannot do. Every message tells a person what to do."""


class CatalogError(Exception):
    """The catalog refused, or could not do, what it was asked."""


class CatalogUnavailable(CatalogError):
    """The database cannot answer now: locked beyond the bound, disk full, or an I/O error.

    Nothing of the transaction was stored. The API answers 503 (contract, Errors).
    """


class CatalogInterrupted(CatalogUnavailable):
    """Another transaction was in the way for too long, or the connection went.

    Asked again, it may work at once. Where the connection went at a commit, that may have been
    made.
    """


class CatalogTooOld(CatalogError):
    """The database's schema is older than this program, or not there at all."""


class CatalogTooNew(CatalogError):
    """The database's schema was written by a newer program than this one."""


class AlreadyExists(CatalogError):
    """The given id is taken."""


class NotFound(CatalogError):
    """The workspace or product that something was to be added to does not exist."""


class TooManyKeys(CatalogError):
    """The workspace has as many live API keys as it may have (contract, Authentication)."""
