"""Console output of commands, and the error that ends a command."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

T = TypeVar("T")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


_CAPITAL = re.compile("[A-Z]")
_ALLOWED_CONTROLS = "\n\t"
_MAX_UNWRAPPED = 40
"""Columns of a cell that is never wrapped on a terminal; ids and times are shorter."""


class CommandError(Exception):
    """The command cannot be carried out; the message says what to do."""


def fail(message: str) -> NoReturn:
    """End the command with ``message``.

    Raises:
        CommandError: always.
    """
    raise CommandError(message)


def print_json(value: Any) -> None:
    """Print ``value`` as one line of JSON."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def as_snake_case(view: msgspec.Struct) -> dict[str, Any]:
    """Return an object of the API with its members named as those of other commands."""
    members: dict[str, Any] = msgspec.to_builtins(view)
    return {_CAPITAL.sub(r"_\g<0>", name).lower(): value for name, value in members.items()}


def print_list(
    items: Iterable[T],
    *,
    json: bool,
    as_json: Callable[[T], object],
    headers: Iterable[str],
    as_row: Callable[[T], Iterable[object]],
) -> None:
    """Print a list: as JSON, one object a line, or else as a table.

    Args:
        items: the list.
        json: which of the two.
        as_json: returns the object of an item.
        headers: of the table's columns.
        as_row: returns the cells of an item.
    """
    if json:
        for item in items:
            print_json(as_json(item))
    else:
        print_table(headers, [as_row(item) for item in items])


def print_fields(fields: Mapping[str, object], *, width: int = 13) -> None:
    """Print names and values, one pair a line; names fill ``width`` columns."""
    for name, value in fields.items():
        out.print(f"{name:<{width}}{value}", markup=False)


def print_created(ids: Mapping[str, str], *, json: bool) -> None:
    """Print the ids of what was created or changed: as JSON, or else one per line."""
    if json:
        print_json(ids)
    else:
        print_fields(ids)


def print_table(headers: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a table. On a terminal only long texts are wrapped: ids can be copied."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    cells = [
        ["" if cell is None else _replace_unprintable(str(cell)) for cell in row] for row in rows
    ]
    needed = 0
    for number, header in enumerate(headers):
        longest = max((cell_len(row[number]) for row in cells), default=0)
        wraps = out.is_terminal and longest > _MAX_UNWRAPPED
        min_width = max(len(header), min(longest, _MAX_UNWRAPPED))
        table.add_column(header, overflow="fold", no_wrap=not wraps, min_width=min_width)
        needed += min_width + 2
    for row in cells:
        # As text, because a name that a sender chose may look like markup.
        table.add_row(*map(Text, row))
    # Wider than the terminal where it has to be, which then wraps the lines itself.
    width = max(out.width, needed) if out.is_terminal else 10_000
    Console(file=out.file, width=width, highlight=False).print(table)


def reference_url(base_url: str, product_id: str, project_id: str) -> str:
    """Return the URL of the API reference with examples for a product and project."""
    return f"{base_url}/docs?product={product_id}&project={project_id}"


def pluralize(number: int, noun: str) -> str:
    """Return ``1 batch``, ``2 batches``."""
    ending = "" if number == 1 else "es" if noun.endswith("ch") else "s"
    return f"{number:,} {noun}{ending}"


def format_time(milliseconds: int | None) -> str:
    """Return a time for people, in UTC; a dash for None."""
    if milliseconds is None:
        return "-"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def single_line(text: str) -> str:
    """Return a text that a sender chose on one line, without what a terminal would obey."""
    return _replace_unprintable(" ".join(text.split()))


def _replace_unprintable(text: str) -> str:
    """Return ``text`` without what a terminal would obey."""
    return "".join(
        each if each.isprintable() or each in _ALLOWED_CONTROLS else "\ufffd" for each in text
    )
