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


def message_of(error: Exception) -> str:
    """Return the line for an expected error."""
    if isinstance(error, ResourceNotFound) and error.kind in _LIST_COMMANDS:
        return f"{error}: {_LIST_COMMANDS[error.kind]} shows them"
    return str(error)
