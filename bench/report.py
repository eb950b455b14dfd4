"""RESULTS.md and its plot from the measured figures."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


def write_report(results: dict[str, Any], folder: Path) -> None:
    """Write the table and the plot beside it."""
    _plot(results["accept"], folder / "accept.svg")
    lines = [
        "# Measured",
        "",
        f"By `make bench` on {results['when']}: {results['machine']}. The load driver is a process",
        "of its own on the same machine and takes its share of it. Ratios are within one run.",
        "",
        "## Accept: durable 202s, no worker",
        "",
        "1,000 records a request, 8 connections, medians of 3 rounds in turn with the peer. The",
        "raw limit is the same HTTP server, which appends each body to one file and syncs it: it",
        "parses nothing, keeps no index, and cannot tell one sender from another.",
        "",
        _row("record", "Everlake, records/s", "raw limit", "ratio", "p50", "p99", "CPU a record"),
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in results["accept"]:
        middle = one["median"]
        lines.append(
            _row(
                f"{one['size'] / 1000:g} KB",
                f"{middle['everlake']:,.0f}",
                f"{middle['raw']:,.0f}",
                f"{middle['ratio']:.2f}",
                f"{middle['p50_ms']:.0f} ms",
                f"{middle['p99_ms']:.0f} ms",
                f"{middle['cpu_us_per_record']:.1f} µs",
            )
        )
    landed = results["landed"]
    lines += [
        "",
        "![Accepted records a second](accept.svg)",
        "",
        "## A lone batch",
        "",
        "From its 202 until a client that asks every 5 ms sees it, 20 batches one after another.",
        "",
        "| until | median | longest |",
        "| --- | --- | --- |",
        _row("`LANDED`", _ms(landed["landed_median"]), _ms(landed["landed_max"])),
        _row("`COMPLETE`", _ms(landed["complete_median"]), _ms(landed["complete_max"])),
        "",
    ]
    notes = folder / "NOTES.md"
    if notes.exists():
        lines.append(notes.read_text().rstrip())
        lines.append("")
    (folder / "RESULTS.md").write_text("\n".join(lines))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _plot(accept: list[dict[str, Any]], file: Path) -> None:
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    labels: list[str] = []
    values: list[float] = []
    colours: list[str] = []
    for one in reversed(accept):
        for name, colour in (("raw", "#b9c0c8"), ("everlake", "#1f6f8b")):
            labels.append(f"{name}, {one['size'] / 1000:g} KB records")
            values.append(one["median"][name])
            colours.append(colour)
    bars = axes.barh(labels, values, color=colours)
    axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.set_xlabel("durable records a second")
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file)
