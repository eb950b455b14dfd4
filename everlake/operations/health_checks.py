"""Health checks of an installation: directory, database, storage, lake, queue, disk, clock."""

import platform
import shutil
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import TypeAlias

import msgspec

from everlake import __version__
from everlake.catalog import backlog
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.opening import open_catalog
from everlake.lake import LakeError
from everlake.lake.expected_tables import check_present, find_outdated
from everlake.lake.opening import open_lake
from everlake.operations.data_directory import check_data_directory, nearest_existing
from everlake.operations.errors import OperationError
from everlake.operations.opening import has_catalog, require_empty_storage
from everlake.settings import Settings
from everlake.storage import StorageError, open_store

Check: TypeAlias = Callable[[Settings], str]
"""Returns what was found; raises :class:`CheckFailed`, or an error of what it checks."""

_GIB = 1024**3
_MIB = 1024**2
_FULL_BYTES = 100 * _MIB
_MAX_OVERDUE_MS = 5 * 60_000
_MAX_CLOCK_DIFFERENCE_MS = 5_000
_EARLIEST_MS = 1_735_689_600_000
"""2025: a clock before that was never set."""
_NEEDS_DATABASE = "not checked: it needs the database and the storage"
_NOT_YET = "none yet: everlake init or everlake serve creates it"


class Severity(StrEnum):
    """How bad the result of a check is."""

    OK = "ok"
    WARNING = "warning"
    """Everything works, and something will not for long."""
    ERROR = "error"
    """Something does not work."""


class CheckFailed(OperationError):
    """A check has failed; the message says what to do."""


class CheckWarning(CheckFailed):
    """A check found something to act upon that stops nothing yet."""


class CheckResult(msgspec.Struct, frozen=True):
    """Result of one check.

    Attributes:
        check: its name.
        ok: whether it has passed without an error or a warning.
        severity: of what was found.
        message: what was found, or what to do.
    """

    check: str
    ok: bool
    severity: Severity
    message: str


def run_checks(settings: Settings, checks: Mapping[str, Check]) -> list[CheckResult]:
    """Run checks by name and return their results."""
    return [_run(settings, name, check) for name, check in checks.items()]


def _run(settings: Settings, name: str, check: Check) -> CheckResult:
    try:
        return CheckResult(name, True, Severity.OK, check(settings))
    except CheckWarning as warning:
        return CheckResult(name, False, Severity.WARNING, str(warning))
    except (OperationError, CatalogError, StorageError, LakeError, OSError) as error:
        return CheckResult(name, False, Severity.ERROR, str(error))


def _check_versions(_: Settings) -> str:
    return f"Everlake {__version__}, Python {platform.python_version()} on {platform.system()}"


def _check_data_directory(settings: Settings) -> str:
    directory = settings.data_directory
    check_data_directory(directory)
    if not directory.exists():
        return f"{directory} does not exist yet: everlake init or everlake serve creates it"
    return f"{directory} can be written"


def _check_database(settings: Settings) -> str:
    if not has_catalog(settings):
        require_empty_storage(settings)
        return _NOT_YET
    with _catalog_of(settings) as catalog:
        if catalog.is_empty():
            return _NOT_YET
        catalog.check_writable()
    return "can be written, and its schema is the one that this version needs"


def _check_storage(settings: Settings) -> str:
    if not settings.storage.url:
        directory = settings.data_directory
        if not directory.exists() and nearest_existing(directory).is_dir():
            return _NOT_YET
        if not directory.is_dir():
            raise CheckFailed(f"{directory} is not a directory")
    open_store(settings.archive_url).check()
    return "objects can be written and synced"


def _check_lake(settings: Settings) -> str:
    if not has_catalog(settings):
        return _NOT_YET
    try:
        with _catalog_of(settings) as catalog:
            if catalog.is_empty():
                return _NOT_YET
            catalog.check()
            lake = open_lake(settings.archive_url, catalog)
            workspaces = check_present(catalog, lake)
            outdated = find_outdated(catalog, lake)
    except (CatalogError, StorageError):
        return _NEEDS_DATABASE
    if outdated:
        raise CheckWarning(
            "another version of the analysis made the utterances of "
            f"{len(outdated):,} of {workspaces:,} workspaces, whose new batches wait until their "
            "tables are rebuilt: everlake lake rebuild --all"
        )
    return f"workspaces with records: {workspaces:,}; their tables are there"


def _check_queue(settings: Settings) -> str:
    try:
        waiting, overdue_ms = _backlog(settings)
    except CatalogError:
        return _NEEDS_DATABASE
    if overdue_ms > _MAX_OVERDUE_MS:
        raise CheckWarning(
            f"{waiting:,} batches wait, the first for {overdue_ms / 60_000:,.0f} minutes: start a "
            "worker (everlake serve or everlake worker), or see its log"
        )
    return f"{waiting:,} batches wait"


def waiting_batches(settings: Settings) -> tuple[int, int]:
    """Return how many batches wait for a worker, and for how many milliseconds the first is due.

    None wait where the database cannot be read, which is another check's to tell.
    """
    try:
        return _backlog(settings)
    except CatalogError:
        return 0, 0


def _backlog(settings: Settings) -> tuple[int, int]:
    if not has_catalog(settings):
        return 0, 0
    with _catalog_of(settings) as catalog:
        if catalog.is_empty():
            return 0, 0
        catalog.check()
        with catalog.snapshot() as tx:
            rows = backlog.batch_backlog(tx, now=catalog.now_ms())
    claimable = [row for row in rows if row.overdue_ms is not None]
    waiting = sum(row.batches for row in claimable)
    return waiting, max((row.overdue_ms or 0 for row in claimable), default=0)


def _check_disk(settings: Settings) -> str:
    directories = dict.fromkeys([*settings.record_directories, settings.data_directory])
    usages = [shutil.disk_usage(nearest_existing(one)) for one in directories]
    # Some file systems do not know their size.
    known = [usage.free for usage in usages if usage.total]
    if not known:
        return "free space is not known"
    free = min(known)
    if free < _FULL_BYTES:
        raise CheckFailed(f"only {free / _MIB:,.0f} MB are free: make room")
    if free < _GIB:
        raise CheckWarning(f"only {free / _MIB:,.0f} MB are free: make room soon")
    return f"{free / _GIB:,.1f} GB free"


def _check_clock(settings: Settings) -> str:
    now = int(time.time() * 1000)
    if now < _EARLIEST_MS:
        raise CheckFailed("the clock of this machine is years behind: set it")
    if not settings.database.url:
        return "set"
    try:
        with _catalog_of(settings) as catalog, catalog.snapshot():
            difference = abs(catalog.now_ms() - int(time.time() * 1000))
    except CatalogError:
        return _NEEDS_DATABASE
    if difference > _MAX_CLOCK_DIFFERENCE_MS:
        raise CheckWarning(
            f"this machine and the database differ by {difference / 1000:,.0f} s: synchronise "
            "their clocks (NTP)"
        )
    return "agrees with the database"


@contextmanager
def _catalog_of(settings: Settings) -> Generator[Catalog]:
    catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
    try:
        yield catalog
    finally:
        catalog.close()


INSTALLATION_CHECKS: Mapping[str, Check] = {
    "versions": _check_versions,
    "data directory": _check_data_directory,
    "database": _check_database,
    "storage": _check_storage,
    "lake": _check_lake,
    "queue": _check_queue,
    "disk": _check_disk,
    "clock": _check_clock,
}
"""Checks of every installation, by name."""
