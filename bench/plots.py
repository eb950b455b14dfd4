"""Plots as SVG, in one manner. Text stays text, so that a file is small and can be searched."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

OURS = "#1f6f8b"
OTHERS = ("#b9c0c8", "#d9a05b", "#8f9aa5", "#c9b18f")
_BAR_INCHES = 0.3

Points = Sequence[tuple[float, float]]


def bars(values: Mapping[str, float], label: str, file: Path) -> None:
    """Horizontal bars in the order of ``values``; Everlake's own in its colour."""
    names = list(values)[::-1]
    figure, axes = _axes(0.9 + _BAR_INCHES * len(names))
    colours = [OURS if name.startswith("Everlake") else OTHERS[0] for name in names]
    drawn = axes.barh(names, [values[name] for name in names], color=colours)
    axes.bar_label(drawn, fmt="{:,.0f}", padding=3)
    axes.margins(x=0.15)
    axes.set_xlabel(label)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    _save(figure, file)


def stacked(parts: Mapping[str, Mapping[str, float]], label: str, file: Path) -> None:
    """Horizontal bars, each of several parts one behind the other: values by part, then by bar."""
    names = list(next(iter(parts.values())))[::-1]
    figure, axes = _axes(1.1 + _BAR_INCHES * len(names))
    left = [0.0] * len(names)
    for colour, (part, values) in zip((OURS, *OTHERS), parts.items(), strict=False):
        widths = [values[name] for name in names]
        axes.barh(names, widths, left=left, color=colour, label=part)
        left = [before + width for before, width in zip(left, widths, strict=True)]
    axes.margins(x=0.05)
    axes.set_xlabel(label)
    axes.legend(frameon=False)
    _save(figure, file)


def lines(
    series: Mapping[str, Points],
    *,
    x: str,
    y: str,
    file: Path,
    log_x: bool = False,
    markers: bool = False,
    steps: bool = False,
) -> None:
    """A line a series; those whose name starts with Everlake in its colour."""
    figure, axes = _axes(3.4)
    others = iter(OTHERS * len(series))
    styles = iter(("-", "--", ":", "-.") * len(series))
    for name, points in series.items():
        ours = name.startswith("Everlake")
        axes.plot(
            [point[0] for point in points],
            [point[1] for point in points],
            label=name,
            color=OURS if ours else next(others),
            linestyle=next(styles) if ours else "-",
            marker="o" if markers else None,
            drawstyle="steps-post" if steps else "default",
        )
    if log_x:
        axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    if len(series) > 1:
        axes.legend(frameon=False)
    _save(figure, file)


def _axes(inches: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(7.5, inches), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Figure, file: Path) -> None:
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "everlake"}):
        figure.savefig(file, metadata={"Date": None})
