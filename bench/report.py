"""RESULTS.md and its plots, from what the parts have left in results.json."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench import parts
from bench.section import FigureRow, ReportSection, markdown_table

RESULTS_FILE = "results.json"
REPORT_FILE = "RESULTS.md"
NOTES_FILE = "NOTES.md"

_INTRO = """
By `make bench`. The load driver is a process of its own on the same machine and takes its share
of it. Peers run in turn with Everlake in the same run, and ratios are within it: the machine's
mood is the same for both. Each part can be run by itself (`python -m bench PART`).
"""


class PartResult(msgspec.Struct, frozen=True, kw_only=True):
    """One part's last result, and when and where it came about."""

    when: str
    machine: str
    seconds: float
    result: dict[str, Any]


def read_results(folder: Path) -> dict[str, PartResult]:
    """The last result of each part that has one; what is not of this form is left out."""
    file = folder / RESULTS_FILE
    found = json.loads(file.read_text()) if file.exists() else {}
    kept: dict[str, PartResult] = {}
    for name in parts.NAMES:
        if isinstance(found.get(name), dict):
            kept[name] = msgspec.convert(found[name], PartResult)
    return kept


def write_results(folder: Path, results: Mapping[str, PartResult]) -> None:
    """Write results.json, RESULTS.md and the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = {name: results[name] for name in parts.NAMES if name in results}
    text = json.dumps(msgspec.to_builtins(ordered), indent=1)
    (folder / RESULTS_FILE).write_text(text + "\n")
    (folder / REPORT_FILE).write_text(render(ordered, folder))


def render(results: Mapping[str, PartResult], folder: Path) -> str:
    """The text of RESULTS.md; draws the plots it shows."""
    sections = {
        name: parts.load_part(name).describe(measured.result, folder)
        for name, measured in results.items()
    }
    lines = [
        "# Measured",
        "",
        " ".join(_INTRO.split()),
        "",
        *_figures([row for section in sections.values() for row in section.rows]),
    ]
    for name, section in sections.items():
        lines += _chapter(name, section, results[name])
    notes = folder / NOTES_FILE
    if notes.exists():
        lines += [notes.read_text().rstrip(), ""]
    return "\n".join(lines)


def _figures(rows: Sequence[FigureRow]) -> list[str]:
    met = {True: "met", False: "**not met**", None: ""}
    return markdown_table(
        ["what", "figure", "beside it", "ratio", "target", ""],
        (
            [
                row.what,
                row.figure,
                row.beside,
                "" if row.ratio is None else f"{row.ratio:.2f}",
                row.target,
                met[row.met],
            ]
            for row in rows
        ),
    )


def _chapter(name: str, section: ReportSection, measured: PartResult) -> list[str]:
    return [
        f"## {section.title}",
        "",
        (
            f"`python -m bench {name}` on {measured.when}: {measured.machine}; "
            f"{measured.seconds:,.0f} s."
        ),
        "",
        " ".join(section.intro.split()),
        "",
        *section.lines,
    ]
