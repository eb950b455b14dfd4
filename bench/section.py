"""What a part of the report consists of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec


class FigureRow(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of the table of figures, beside its peer of the same run.

    ``met`` is None where there is no target, or nothing to compare.
    """

    what: str
    figure: str
    beside: str = ""
    ratio: float | None = None
    target: str = ""
    met: bool | None = None


class ReportSection(msgspec.Struct, frozen=True, kw_only=True):
    """One part's chapter of RESULTS.md: its rows of the first table, and its own text.

    Line breaks and indents of ``intro`` are nothing but white space.
    """

    title: str
    intro: str
    rows: list[FigureRow]
    lines: list[str]


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table, with an empty line behind it."""
    return [_line(heads), _line(["---"] * len(heads)), *map(_line, rows), ""]


def format_rate(records_a_second: float) -> str:
    """``12,345/s``."""
    return f"{records_a_second:,.0f}/s"


def format_ms(seconds: float) -> str:
    """Milliseconds; with a digit more where there are few."""
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:,.0f} ms"


def format_megabytes(size: float) -> str:
    """``123 MB``, of a million bytes each."""
    return f"{size / 1e6:,.0f} MB"


MEMORY_HEADS = ("peak RSS of the largest", "of all", "anonymous", "PSS")


def memory_cells(use: Mapping[str, Any]) -> list[str]:
    """A role's memory (:class:`bench.processes.ResourceUse`) under :data:`MEMORY_HEADS`."""
    return [
        format_megabytes(use[name]) for name in ("largest", "resident", "anonymous", "proportional")
    ]


def format_count(number: int) -> str:
    """``100,000``, or ``10 million``."""
    return f"{number // 1_000_000} million" if number % 1_000_000 == 0 else f"{number:,}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
