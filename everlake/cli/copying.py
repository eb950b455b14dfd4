"""``everlake db copy``: a machine's catalog and archive to another database and storage."""

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import typer

from everlake.catalog import copying as rows
from everlake.catalog.copying import Contents
from everlake.catalog.engine import Catalog
from everlake.cli.console import counted
from everlake.cli.context import (
    DataOption,
    JsonOption,
    fail,
    open_existing,
    out,
    print_json,
    settings_of,
)
from everlake.cli.progress import Watch, watching
from everlake.cli.supervisor import only_one, without_apis
from everlake.landing import copying as objects
from everlake.landing.copying import Archive
from everlake.landing.copying_files import copy_files, files_of, verify_files
from everlake.settings import Settings
from everlake.storage import ObjectStore, open_store
from everlake.worker.presence import Presence

_NEXT = (
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
    settings = settings_of(data)
    with (
        open_existing(settings) as source,
        only_one(settings.data_directory),
        without_apis(settings.data_directory),
        _target(settings, to_database) as target,
    ):
        if source.is_shared:
            fail("this copies a SQLite catalog; a PostgreSQL one goes with pg_dump and pg_restore")
        _refuse_workers(settings)
        stores = _stores(settings, to_storage)
        rows.refuse_other_data(source, target)
        archive = None if stores is None else _copy_objects(*stores, settings, quiet=json)
        with watching(quiet=json, noun="rows") as watch:
            moved = frozenset[str]() if stores is None else rows.OF_THE_STORAGE
            tables = _copy_rows(source, target, moved, watch)
    if json:
        print_json({"ok": True, "tables": tables, "archive": archive})
    else:
        _say(tables, archive)


@contextmanager
def _target(settings: Settings, url: str) -> Generator[Catalog]:
    if url == settings.catalog_url:
        fail("--to-database is the database that is in use already")
    catalog = Catalog.open(url, **settings.catalog_options)
    try:
        if catalog.is_empty():
            catalog.upgrade()
        else:
            catalog.check()
        yield catalog
    finally:
        catalog.close()


def _refuse_workers(settings: Settings) -> None:
    presence = Presence(settings.data_directory)
    try:
        if any(presence.others()):
            fail("an everlake worker is at work on this data directory: stop it first")
    finally:
        presence.leave()


def _stores(settings: Settings, to_storage: str | None) -> tuple[ObjectStore, ObjectStore] | None:
    if to_storage is None:
        return None
    if to_storage.rstrip("/") == settings.archive_url.rstrip("/"):
        fail("--to-storage is the storage that is in use already")
    return open_store(settings.archive_url), open_store(to_storage)


def _copy_objects(
    source: ObjectStore, target: ObjectStore, settings: Settings, *, quiet: bool
) -> Archive:
    """All objects go before the first row, so that the new catalog never knows one in vain."""
    wanted, there = objects.objects_of(source), objects.objects_of(target)
    files, files_there = files_of(source), files_of(target)
    objects.refuse_other_objects(wanted | files, there | files_there)
    with watching(quiet=quiet, noun="objects") as watch:
        objects.copy(source, target, wanted, there, _told(watch, "copying objects", len(wanted)))
        copy_files(
            source,
            target,
            files,
            files_there,
            _told(watch, "copying files", len(files)),
            directory=settings.data_directory,
        )
        archive = objects.verify(
            source, target, wanted, _told(watch, "comparing objects", len(wanted))
        )
        held = verify_files(source, target, files, _told(watch, "comparing files", len(files)))
    return Archive(archive.objects + held.objects, archive.bytes + held.bytes)


def _copy_rows(
    source: Catalog, target: Catalog, without: Collection[str], watch: Watch
) -> dict[str, Contents]:
    names = [name for name in rows.TABLES if name not in without]
    compared: dict[str, Contents] = {}
    for name in names:
        total = rows.count(source, name)
        rows.copy(source, target, name, _told(watch, f"copying {name}", total))
    for name in names:
        ours, theirs = (
            rows.contents(catalog, name, _told(watch, f"reading {name} {where}", None))
            for catalog, where in ((source, "here"), (target, "there"))
        )
        if ours != theirs:
            fail(
                f"{name} differ: {counted(ours.rows, 'row')} here and {theirs.rows:,} there. "
                "Something wrote to one of the databases meanwhile: stop it, empty the new "
                "database, and call again"
            )
        compared[name] = ours
    return compared


def _told(watch: Watch, what: str, total: int | None) -> Callable[[int], None]:
    return partial(_tell, watch, what, total)


def _tell(watch: Watch, what: str, total: int | None, done: int) -> None:
    watch(what, done, total)


def _say(tables: dict[str, Contents], archive: Archive | None) -> None:
    for name, held in tables.items():
        out.print(f"{name:<13}{counted(held.rows, 'row')}", markup=False)
    if archive is not None:
        size = f"{archive.bytes / 1e6:,.1f} MB"
        out.print(f"{'archive':<13}{counted(archive.objects, 'object')}, {size}", markup=False)
    out.print("All of it has been read on both sides and is the same.")
    out.print(_NEXT.format(storage="" if archive is None else " and EVERLAKE_STORAGE_URL"))
