"""What is measured: a module a part, in the order of the report.

A part has ``NAME``, ``measure(quick=...)``, which returns what goes into results.json, and
``describe(result, folder)``, which turns that into a section and draws its plots.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from bench.section import ReportSection

NAMES = (
    "accept",
    "sustained",
    "latency",
    "landed",
    "lists",
    "merge",
    "search",
    "memory",
    "nodes",
    "stall",
    "attachments",
    "fairness",
)


class BenchmarkPart(Protocol):
    """One part's module."""

    def measure(self, *, quick: bool) -> dict[str, Any]: ...
    def describe(self, result: dict[str, Any], folder: Path) -> ReportSection: ...


def load_part(name: str) -> BenchmarkPart:
    """The module of one of :data:`NAMES`."""
    return cast("BenchmarkPart", import_module(f"{__name__}.{name}"))
