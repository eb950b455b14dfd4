"""Errors that a command may end with: each message tells a person what to do."""

from everlake.catalog.errors import CatalogError
from everlake.cli.context import CommandError
from everlake.client import ApiError, StorageRefused, Unreachable
from everlake.lake import LakeError
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
    SettingsError,
    StartupTimeout,
    StorageError,
    StorageRefused,
    Unreachable,
)
