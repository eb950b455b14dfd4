"""``everlake db copy``."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog
from everlake.catalog.table_copy import TableDigest
from everlake.cli.console import fail, out, pluralize, print_fields, print_json
from everlake.cli.options import DataOption, JsonOption, load_settings
from everlake.cli.progress import reporting_progress
from everlake.integrity.copy.types import ObjectTotals
from everlake.operations.installation_copy import check_target, copy_catalog, copy_objects
from everlake.operations.opening import existing_catalog
from everlake.runtime.data_locks import no_api_lock, serve_lock
from everlake.runtime.liveness import LivenessLock
from everlake.settings import Settings
from everlake.storage import ObjectStore, open_store

_NEXT_STEPS = (
    "Next, on each machine of the new installation: set EVERLAKE_DATABASE_URL{storage}, run\n"
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
            help="URL of the new storage; if left out, the storage stays the same.",
        ),
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Copy the catalog of this machine, and the objects of its storage, to another place.

    Everlake must be stopped on this machine. When the command is stopped itself, the next call
    continues where it stopped. At the end both sides are read and compared.

    Example: everlake db copy --to-database postgresql://everlake@db/everlake
    """
    settings = load_settings(data)
    with (
        existing_catalog(settings) as source,
        serve_lock(settings.data_directory),
        no_api_lock(settings.data_directory),
        _opened_target(settings, to_database) as target,
    ):
        if source.is_shared:
            fail("this copies a SQLite catalog; copy a PostgreSQL one with pg_dump and pg_restore")
        _require_no_workers(settings)
        stores = _open_stores(settings, to_storage)
        check_target(source, target)
        archive = None
        if stores is not None:
            with reporting_progress(quiet=json, noun="objects") as report:
                archive = copy_objects(*stores, settings.data_directory, report)
        with reporting_progress(quiet=json, noun="rows") as report:
            tables = copy_catalog(
                source, target, to_other_storage=stores is not None, report_progress=report
            )
    if json:
        print_json({"ok": True, "tables": tables, "archive": archive})
    else:
        _print_result(tables, archive)


@contextmanager
def _opened_target(settings: Settings, url: str) -> Generator[Catalog]:
    """Open the new database, and create the schema of an empty one."""
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
    with LivenessLock(settings.data_directory) as liveness:
        if any(liveness.other_live_workers()):
            fail("an everlake worker is running on this data directory: stop it first")


def _open_stores(
    settings: Settings, to_storage: str | None
) -> tuple[ObjectStore, ObjectStore] | None:
    if to_storage is None:
        return None
    if to_storage.rstrip("/") == settings.archive_url.rstrip("/"):
        fail("--to-storage is the storage that is in use already")
    return open_store(settings.archive_url), open_store(to_storage)


def _print_result(tables: dict[str, TableDigest], archive: ObjectTotals | None) -> None:
    print_fields({name: pluralize(digest.rows, "row") for name, digest in tables.items()})
    if archive is not None:
        size = f"{archive.bytes / 1e6:,.1f} MB"
        print_fields({"archive": f"{pluralize(archive.objects, 'object')}, {size}"})
    out.print("All of it has been read on both sides and is the same.")
    out.print(_NEXT_STEPS.format(storage="" if archive is None else " and EVERLAKE_STORAGE_URL"))
