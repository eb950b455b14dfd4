"""``everlake db copy``: a machine's catalog and archive to another database and storage."""

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import typer

from everlake.catalog import table_copy as rows
from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog
from everlake.catalog.table_copy import TableDigest
from everlake.cli.console import fail, out, pluralize, print_json
from everlake.cli.options import DataOption, JsonOption, load_settings
from everlake.cli.progress import ProgressReporter, reporting_progress
from everlake.integrity.copy import archive as objects
from everlake.integrity.copy.archive import ObjectTotals
from everlake.integrity.copy.files import copy_files, list_files, verify_files
from everlake.operations.opening import existing_catalog
from everlake.runtime.data_locks import no_api_lock, serve_lock
from everlake.runtime.liveness import LivenessLock
from everlake.settings import Settings
from everlake.storage import ObjectStore, open_store

_NEXT_STEPS = (
    "Next, on every machine of the new side: set EVERLAKE_DATABASE_URL{storage}, run\n"
    "everlake lake rebuild --all once, and start Everlake. Do not start the old one again."
)


def copy(
    to_database: Annotated[
        str, typer.Option("--to-database", help="URL of the new database, which is empty.")
    ],
    to_storage: Annotated[
        str | None,
        typer.Option(
            "--to-storage",
            help="URL of the new storage; left out, the objects stay.",
        ),
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Copy the catalog of this machine, and the objects of its storage, to another place.

    Everlake must be stopped here. Stopped itself, it goes on where it was when it is called again.
    At the end both sides are read and compared.

    Example: everlake db copy --to-database postgresql://everlake@db/everlake
    """
    settings = load_settings(data)
    with (
        existing_catalog(settings) as source,
        serve_lock(settings.data_directory),
        no_api_lock(settings.data_directory),
        _open_target(settings, to_database) as target,
    ):
        if source.is_shared:
            fail("this copies a SQLite catalog; a PostgreSQL one goes with pg_dump and pg_restore")
        _require_no_workers(settings)
        stores = _open_stores(settings, to_storage)
        rows.check_target_rows(source, target)
        archive = None if stores is None else _copy_objects(*stores, settings, quiet=json)
        with reporting_progress(quiet=json, noun="rows") as watch:
            moved = frozenset[str]() if stores is None else rows.STORAGE_BOUND_TABLES
            tables = _copy_rows(source, target, moved, watch)
    if json:
        print_json({"ok": True, "tables": tables, "archive": archive})
    else:
        _print_result(tables, archive)


@contextmanager
def _open_target(settings: Settings, url: str) -> Generator[Catalog]:
    if url == settings.catalog_url:
        fail("--to-database is the database that is in use already")
    catalog = open_catalog(url, **settings.catalog_options)
    try:
        if catalog.is_empty():
            catalog.upgrade()
        else:
            catalog.check()
        yield catalog
    finally:
        catalog.close()


def _require_no_workers(settings: Settings) -> None:
    presence = LivenessLock(settings.data_directory)
    try:
        if any(presence.other_live_workers()):
            fail("an everlake worker is at work on this data directory: stop it first")
    finally:
        presence.release()


def _open_stores(
    settings: Settings, to_storage: str | None
) -> tuple[ObjectStore, ObjectStore] | None:
    if to_storage is None:
        return None
    if to_storage.rstrip("/") == settings.archive_url.rstrip("/"):
        fail("--to-storage is the storage that is in use already")
    return open_store(settings.archive_url), open_store(to_storage)


def _copy_objects(
    source: ObjectStore, target: ObjectStore, settings: Settings, *, quiet: bool
) -> ObjectTotals:
    """All objects go before the first row, so that the new catalog never knows one in vain."""
    wanted, there = objects.list_archive_objects(source), objects.list_archive_objects(target)
    files, files_there = list_files(source), list_files(target)
    objects.check_target_objects(wanted | files, there | files_there)
    with reporting_progress(quiet=quiet, noun="objects") as watch:
        objects.copy_archive(
            source, target, wanted, there, _progress_callback(watch, "copying objects", len(wanted))
        )
        copy_files(
            source,
            target,
            files,
            files_there,
            _progress_callback(watch, "copying files", len(files)),
            directory=settings.data_directory,
        )
        archive = objects.verify_archive(
            source, target, wanted, _progress_callback(watch, "comparing objects", len(wanted))
        )
        held = verify_files(
            source, target, files, _progress_callback(watch, "comparing files", len(files))
        )
    return ObjectTotals(archive.objects + held.objects, archive.bytes + held.bytes)


def _copy_rows(
    source: Catalog, target: Catalog, without: Collection[str], watch: ProgressReporter
) -> dict[str, TableDigest]:
    names = [name for name in rows.TABLE_NAMES if name not in without]
    compared: dict[str, TableDigest] = {}
    for name in names:
        total = rows.count(source, name)
        rows.copy(source, target, name, _progress_callback(watch, f"copying {name}", total))
    for name in names:
        ours, theirs = (
            rows.digest_table(
                catalog, name, _progress_callback(watch, f"reading {name} {where}", None)
            )
            for catalog, where in ((source, "here"), (target, "there"))
        )
        if ours != theirs:
            fail(
                f"{name} differ: {pluralize(ours.rows, 'row')} here and {theirs.rows:,} there. "
                "Something wrote to one of the databases meanwhile: stop it, empty the new "
                "database, and call again"
            )
        compared[name] = ours
    return compared


def _progress_callback(
    watch: ProgressReporter, what: str, total: int | None
) -> Callable[[int], None]:
    return partial(_report, watch, what, total)


def _report(watch: ProgressReporter, what: str, total: int | None, done: int) -> None:
    watch(what, done, total)


def _print_result(tables: dict[str, TableDigest], archive: ObjectTotals | None) -> None:
    for name, held in tables.items():
        out.print(f"{name:<13}{pluralize(held.rows, 'row')}", markup=False)
    if archive is not None:
        size = f"{archive.bytes / 1e6:,.1f} MB"
        out.print(f"{'archive':<13}{pluralize(archive.objects, 'object')}, {size}", markup=False)
    out.print("All of it has been read on both sides and is the same.")
    out.print(_NEXT_STEPS.format(storage="" if archive is None else " and EVERLAKE_STORAGE_URL"))
