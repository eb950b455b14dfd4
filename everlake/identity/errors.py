"""Errors of authentication and authorisation."""

from collections.abc import Sequence

from everlake.contract.permissions import Permission


class IdentityError(Exception):
    """Base class of the errors of this package; the message says what to do."""


class InvalidCredential(IdentityError):
    """The request has no credential, or one that is malformed, unknown or revoked."""

    def __init__(self) -> None:
        super().__init__(
            "A live API key is needed: send it as x-api-key or as Authorization: Bearer."
        )


class PermissionDenied(IdentityError):
    """The principal has none of the permissions that the request needs.

    Args:
        permissions: any one of them is enough.
    """

    def __init__(self, permissions: Sequence[Permission]) -> None:
        super().__init__(
            f"This key lacks the permission {' or '.join(permissions)}: use a key that has it."
        )


class IdentityUnavailable(IdentityError):
    """The credential cannot be verified now, because the catalog does not answer."""
