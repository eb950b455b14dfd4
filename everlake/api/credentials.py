"""Credentials of HTTP requests (contract, Authentication)."""

from collections.abc import Iterable

from everlake.contract.errors import ErrorCode, WireError, unavailable
from everlake.identity.errors import IdentityError, IdentityUnavailable, PermissionDenied
from everlake.identity.types import Credential


def credential_from_headers(headers: Iterable[tuple[bytes, bytes]]) -> Credential | None:
    """Return the credential in ``x-api-key``, or else in ``Authorization: Bearer``, or None."""
    bearer = None
    for name, value in headers:
        if name == b"x-api-key":
            return Credential("api_key", value.decode("latin-1").strip())
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").strip().partition(" ")
            bearer = token.strip() if scheme.lower() == "bearer" else None
    return None if bearer is None else Credential("api_key", bearer)


def to_wire_error(error: IdentityError) -> WireError:
    """Return the response to a request that is not authenticated or not permitted."""
    if isinstance(error, IdentityUnavailable):
        return unavailable(str(error))
    denied = isinstance(error, PermissionDenied)
    return WireError(ErrorCode.FORBIDDEN if denied else ErrorCode.UNAUTHORIZED, str(error))
