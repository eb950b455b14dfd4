"""What the commands on a data directory share: settings, an open catalog, how to say things."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from everlake.catalog import workspaces
from everlake.catalog.database import Catalog, Connection
from everlake.catalog.opening import open_catalog
from everlake.cli.console import CommandError, JsonOption, err, fail, out, print_json, print_table
from everlake.settings import Settings, load

__all__ = [
    "CommandError",
    "DataOption",
    "JsonOption",
    "WorkspaceOption",
    "err",
    "fail",
    "load_settings",
    "open_existing_catalog",
    "out",
    "prepare_catalog",
    "print_json",
    "print_table",
    "resolve_workspace_id",
    "resolve_workspace_ids",
]

DataOption = Annotated[
    str | None,
    typer.Option("--data", help="Data directory (EVERLAKE_DATA, default ./everlake-data)."),
]
WorkspaceOption = Annotated[
    str | None, typer.Option("--workspace", help="Workspace id; the first one by default.")
]
_NO_LIMIT = 1_000_000


def load_settings(data: str | None = None) -> Settings:
    """The settings, with the command line's data directory where one was given."""
    return load({"data": data})


@contextmanager
def prepare_catalog(settings: Settings) -> Generator[Catalog]:
    """Open the catalog, and upgrade the schema of a local one or create that of a shared one.

    Raises:
        CatalogTooOld: a shared one needs ``everlake db upgrade``; others may be at work on it.
    """
    catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
    try:
        if catalog.is_shared and not catalog.is_empty():
            catalog.check()
        else:
            catalog.upgrade()
        yield catalog
    finally:
        catalog.close()


@contextmanager
def open_existing_catalog(settings: Settings) -> Generator[Catalog]:
    """The catalog of a data directory that is in use already.

    Raises:
        CommandError: there is none yet.
    """
    if not settings.database.url and not (settings.data_directory / "everlake.db").exists():
        fail(f"there is nothing in {settings.data_directory} yet: run everlake init or serve")
    with prepare_catalog(settings) as catalog:
        yield catalog


def resolve_workspace_id(tx: Connection, given: str | None) -> str:
    """The workspace that a command is about.

    Raises:
        CommandError: there is no such workspace, or none at all.
    """
    found = workspaces.first(tx) if given is None else workspaces.get(tx, given)
    if found is None:
        fail(
            "there is no workspace yet: run everlake init"
            if given is None
            else f"there is no workspace {given}: everlake workspaces list shows them"
        )
    return found.id


def resolve_workspace_ids(
    catalog: Catalog, given: str | None, *, all_workspaces: bool
) -> list[str]:
    """The workspaces that a command is about: the one that is given or the first one, or all.

    Raises:
        CommandError: there is no such workspace, or none at all.
    """
    if all_workspaces and given is not None:
        fail("--all and --workspace exclude each other")
    with catalog.snapshot() as tx:
        if not all_workspaces:
            return [resolve_workspace_id(tx, given)]
        return [each.id for each in workspaces.page(tx, limit=_NO_LIMIT)]
