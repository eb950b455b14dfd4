"""Errors that a command ends with, each in one line that says what to do."""

from everlake.catalog.errors import CatalogError
from everlake.cli.console import CommandError
from everlake.client import ApiError, StorageRefused, Unreachable
from everlake.lake import LakeError
from everlake.operations.errors import OperationError, ResourceNotFound
from everlake.runtime.errors import AddressInUse, LockHeld, StartupTimeout
from everlake.settings import SettingsError
from everlake.storage import StorageError

EXPECTED_ERRORS = (
    AddressInUse,
    ApiError,
    CatalogError,
    CommandError,
    LakeError,
    LockHeld,
    OperationError,
    SettingsError,
    StartupTimeout,
    StorageError,
    StorageRefused,
    Unreachable,
)

_LIST_COMMANDS = {
    "batch": "everlake batches list",
    "live key": "everlake keys list",
    "workspace": "everlake workspaces list",
}


_KEY_OPTIONS = "--key, --key-file or EVERLAKE_API_KEY"


def message_of(error: Exception) -> str:
    """Return the line for an expected error."""
    if isinstance(error, ApiError):
        return _message_of_response(error)
    if isinstance(error, ResourceNotFound) and error.kind in _LIST_COMMANDS:
        return f"{error}: {_LIST_COMMANDS[error.kind]} shows them"
    return str(error)


def _message_of_response(error: ApiError) -> str:
    """Return the line for an error response, in terms of options in place of HTTP headers."""
    if error.status == 401:
        return (
            "the server does not accept the key: it is incomplete, unknown or revoked. Check "
            f"{_KEY_OPTIONS}; everlake keys list shows the live keys"
        )
    if error.status == 403:
        return (
            f"the key has not the permission for this ({error.body.message.rstrip('.')}): give one "
            f"with api:write as {_KEY_OPTIONS}; everlake keys create makes one"
        )
    if error.status == 404:
        return (
            f"{error.body.message.rstrip('.')}: is --url (or EVERLAKE_URL) the address of the "
            "server alone, such as http://127.0.0.1:8400, without a path such as /api/v1?"
        )
    return str(error)
