"""Health checks of an installation: data directory, database, storage, disk and versions."""

import platform
import shutil
from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from everlake import __version__
from everlake.catalog.errors import CatalogError
from everlake.catalog.opening import open_catalog
from everlake.lake import LakeError
from everlake.lake.expected_tables import check_present
from everlake.lake.opening import open_lake
from everlake.operations.errors import OperationError
from everlake.operations.opening import has_catalog, require_empty_storage
from everlake.settings import Settings
from everlake.storage import StorageError, open_store

Check: TypeAlias = Callable[[Settings], str]
"""Returns what was found; raises :class:`CheckFailed`, or an error of what it checks."""

_MIN_FREE_BYTES = 1024**3
_NEEDS_DATABASE = "not checked: it needs the database and the storage"


class CheckFailed(OperationError):
    """A check has failed; the message says what to do."""


class CheckResult(msgspec.Struct, frozen=True):
    """Result of one check.

    Attributes:
        check: its name.
        ok: whether it has passed.
        message: what was found, or what to do.
    """

    check: str
    ok: bool
    message: str


def run_checks(settings: Settings, checks: Mapping[str, Check]) -> list[CheckResult]:
    """Run checks by name and return their results."""
    return [_run(settings, name, check) for name, check in checks.items()]


def _run(settings: Settings, name: str, check: Check) -> CheckResult:
    try:
        return CheckResult(name, True, check(settings))
    except (OperationError, CatalogError, StorageError, LakeError, OSError) as error:
        return CheckResult(name, False, str(error))


def _check_versions(_: Settings) -> str:
    return f"Everlake {__version__}, Python {platform.python_version()} on {platform.system()}"


def _check_data_directory(settings: Settings) -> str:
    directory = settings.data_directory
    if not directory.is_dir():
        raise CheckFailed(f"{directory} does not exist yet: run everlake init or everlake serve")
    return str(directory)


def _check_database(settings: Settings) -> str:
    if not has_catalog(settings):
        require_empty_storage(settings)
        raise CheckFailed("there is none yet: run everlake init or everlake serve")
    catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
    try:
        catalog.check_writable()
    finally:
        catalog.close()
    return "can be written, and its schema is the one that this version needs"


def _check_storage(settings: Settings) -> str:
    if not settings.storage.url:
        _check_data_directory(settings)
    open_store(settings.archive_url).check()
    return "objects can be written and synced"


def _check_lake(settings: Settings) -> str:
    if not has_catalog(settings):
        return "none yet"
    try:
        catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
    except CatalogError:
        return _NEEDS_DATABASE
    try:
        catalog.check()
        workspaces = check_present(catalog, open_lake(settings.archive_url, catalog))
    except (CatalogError, StorageError):
        return _NEEDS_DATABASE
    finally:
        catalog.close()
    return f"tables are there for all {workspaces:,} workspaces with records"


def _check_disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.data_directory).free
    if free < _MIN_FREE_BYTES:
        raise CheckFailed(f"only {free / 1024**2:,.0f} MB are free: make room")
    return f"{free / 1024**3:,.1f} GB free"


INSTALLATION_CHECKS: Mapping[str, Check] = {
    "versions": _check_versions,
    "data directory": _check_data_directory,
    "database": _check_database,
    "storage": _check_storage,
    "lake": _check_lake,
    "disk": _check_disk,
}
"""Checks of every installation, by name."""
