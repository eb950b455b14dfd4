"""How commands say things, and how they end when they cannot go on. It imports little."""

import sys
from collections.abc import Iterable
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

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


def print_json(value: Any) -> None:
    """``value`` as one line of JSON."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


_ALLOWED_CONTROLS = "\n\t"


def print_table(headers: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table; columns keep their whole text where output is not a terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold", no_wrap=not out.is_terminal)
    for row in rows:
        # As text, because a name from outside may hold what looks like markup.
        table.add_row(
            *(Text("" if cell is None else _replace_unprintable(str(cell))) for cell in row)
        )
    if out.is_terminal:
        out.print(table)
    else:
        Console(width=10_000, highlight=False).print(table)


def _replace_unprintable(text: str) -> str:
    """``text`` without what a terminal would obey: names come from whoever may send records."""
    return "".join(
        each if each.isprintable() or each in _ALLOWED_CONTROLS else "\ufffd" for each in text
    )


def pluralize(number: int, noun: str) -> str:
    """``1 batch``, ``2 batches``."""
    ending = "" if number == 1 else "es" if noun.endswith("ch") else "s"
    return f"{number:,} {noun}{ending}"
