"""What the commands share: settings, an open catalog, and how to say things."""

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from everlake.catalog import workspaces
from everlake.catalog.engine import Catalog, Connection
from everlake.settings import Settings, load

DataOption = Annotated[
    str | None,
    typer.Option("--data", help="Data directory (EVERLAKE_DATA, default ./everlake-data)."),
]
WorkspaceOption = Annotated[
    str | None, typer.Option("--workspace", help="Workspace id; the first one by default.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class CommandError(Exception):
    """A command cannot go on; the message says what to do."""


def fail(message: str) -> NoReturn:
    """End the command with ``message``.

    Raises:
        CommandError: always.
    """
    raise CommandError(message)


def settings_of(data: str | None = None) -> Settings:
    """The settings, with the command line's data directory where one was given."""
    return load({"data": data})


@contextmanager
def open_catalog(settings: Settings) -> Generator[Catalog]:
    """The catalog, its schema brought up to date."""
    catalog = Catalog.open(settings.catalog_url)
    try:
        catalog.upgrade()
        yield catalog
    finally:
        catalog.close()


@contextmanager
def open_existing(settings: Settings) -> Generator[Catalog]:
    """The catalog of a data directory that is in use already.

    Raises:
        CommandError: there is none yet.
    """
    if not settings.database_url and not (settings.data_directory / "everlake.db").exists():
        fail(f"there is nothing in {settings.data_directory} yet: run everlake init or serve")
    with open_catalog(settings) as catalog:
        yield catalog


def workspace_id_of(tx: Connection, given: str | None) -> str:
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


def print_json(value: Any) -> None:
    """``value`` as one line of JSON."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def print_table(headers: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table; columns keep their whole text where output is not a terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold", no_wrap=not out.is_terminal)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    if out.is_terminal:
        out.print(table)
    else:
        Console(width=10_000, highlight=False).print(table)
