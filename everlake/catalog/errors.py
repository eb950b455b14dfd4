"""Errors of the catalog. Each message tells its reader what to do."""


class CatalogError(Exception):
    """Base class of the catalog's errors."""


class CatalogUnavailable(CatalogError):
    """The database cannot answer now: locked for too long, disk full, or an I/O error.

    Nothing of the transaction was stored. The API answers 503 (contract, Errors).
    """


class CatalogInterrupted(CatalogUnavailable):
    """Another transaction was in the way for too long, or the connection was lost.

    A retry may succeed at once. When the connection was lost at a commit, the transaction may
    have been committed.
    """


class CatalogTooOld(CatalogError):
    """The database's schema is older than this program, or missing."""


class CatalogTooNew(CatalogError):
    """The database's schema was written by a newer program than this one."""


class AlreadyExists(CatalogError):
    """The given id is taken."""


class NotFound(CatalogError):
    """The parent of a new row, a workspace or product, does not exist."""


class TooManyKeys(CatalogError):
    """The workspace has as many live API keys as it may have (contract, Authentication)."""


class TooManyUploads(CatalogError):
    """The workspace has announced as much as it may that no record refers to yet."""


class QuotaExceeded(CatalogError):
    """The workspace has reached one of its quotas.

    Args:
        message: which, and what to do.
        retry_after: seconds after which it is worth trying again.
    """

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
