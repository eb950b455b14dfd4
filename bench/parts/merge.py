"""Merging into a workspace that has much already: does the rate hold as it grows?"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench import plots
from bench.lake_fill import RecordSource, fill_records, run_until_idle
from bench.peers.duckdb import DuckTable
from bench.processes import fresh_directory
from bench.section import FigureRow, ReportSection, format_count, format_rate, markdown_table
from everlake.lake import Lake
from everlake.lake.record_rows import records_to_arrow
from everlake.model.records import ArrivedRecord
from everlake.tables.local_backend import LocalTableBackend

SIZES = (100_000, 1_000_000, 10_000_000)
MERGE_SIZES = (20_000, 1_000)
_WORKSPACE = "bench"
_TARGET = 0.8
_BYTES_A_RECORD = 600
"""On disk, in both tables, with room for what a merge writes anew."""


class MergeTarget(msgspec.Struct, frozen=True):
    """One size's lake and its peer, with what arrives there."""

    rows: RecordSource
    lake: Lake
    peer: DuckTable
    fill_seconds: float
    peer_fill_seconds: float
    bytes: int


def measure(*, quick: bool, sizes: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Records a second by size of table and of merge, in turn over the sizes."""
    sizes = sizes or ((20_000, 50_000) if quick else SIZES)
    rounds = 2 if quick else 5
    with fresh_directory() as folder:
        _check_room(folder, sum(sizes) * _BYTES_A_RECORD)
        places = [_filled(folder / str(size), size) for size in sizes]
        for place in places:  # opens what a worker that runs has open
            place.lake.records.merge(_WORKSPACE, place.rows.arrivals(MERGE_SIZES[-1]))
            place.peer.merge(records_to_arrow(place.rows.arrivals(MERGE_SIZES[-1])))
        seconds = {
            size: [
                {"everlake": _everlake(place, size), "duckdb": _duckdb(place, size)}
                | {"table": place.rows.count}
                for _ in range(rounds)
                for place in places
            ]
            for size in MERGE_SIZES
        }
        upkeep = [_seconds(lambda place=place: _maintain(place)) for place in places]
        for place in places:
            place.peer.close()
    return {
        "rounds": rounds,
        "sizes": [
            {
                "table": place.rows.count,
                "bytes": place.bytes,
                "fill_seconds": place.fill_seconds,
                "peer_fill_seconds": place.peer_fill_seconds,
                "merges": {
                    str(size): {
                        name: size / median(one[name] for one in all_seconds if _is_of(one, place))
                        for name in ("everlake", "duckdb")
                    }
                    for size, all_seconds in seconds.items()
                },
                "upkeep_seconds": spent,
                "with_upkeep": _with_maintenance(seconds, place, spent),
            }
            for place, spent in zip(places, upkeep, strict=True)
        ],
    }


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise RuntimeError(
            f"{folder} has {free / 1e9:.1f} GB free, and this part needs {needed / 1e9:.1f}."
        )


def _filled(folder: Path, size: int) -> MergeTarget:
    folder.mkdir()
    rows = RecordSource(size)
    lake = Lake(LocalTableBackend(folder))
    peer = DuckTable(folder / "peer.duckdb")
    seconds = _seconds(lambda: fill_records(lake, _WORKSPACE, rows))
    peer_seconds = _seconds(lambda: _fill_peer(peer, rows))
    files = (
        file for file in Path(lake.engine.table_set(_WORKSPACE).uri).rglob("*") if file.is_file()
    )
    return MergeTarget(
        rows, lake, peer, seconds, peer_seconds, sum(f.stat().st_size for f in files)
    )


def _fill_peer(peer: DuckTable, rows: RecordSource) -> None:
    for chunk in rows.chunks():
        peer.append(chunk)


def _everlake(place: MergeTarget, size: int) -> float:
    arrived = place.rows.arrivals(size)
    return _seconds(lambda: _merge(place.lake, arrived))


def _merge(lake: Lake, arrived: list[ArrivedRecord]) -> None:
    merged = lake.records.merge(_WORKSPACE, arrived)
    assert (merged.inserted, merged.replaced) == (len(arrived) // 2, len(arrived) // 2), merged


def _duckdb(place: MergeTarget, size: int) -> float:
    arrived = place.rows.arrivals(size)
    return _seconds(lambda: place.peer.merge(records_to_arrow(arrived)))


def _maintain(place: MergeTarget) -> None:
    run_until_idle(lambda: place.lake.engine.maintain(_WORKSPACE))


def _seconds(job: Callable[[], Any]) -> float:
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def _is_of(one: dict[str, Any], place: MergeTarget) -> bool:
    return one["table"] == place.rows.count


def _with_maintenance(
    seconds: dict[int, list[dict[str, Any]]], place: MergeTarget, upkeep_seconds: float
) -> float:
    """Records a second when the upkeep that all merges together made necessary is counted in."""
    merges = [
        (size, one["everlake"])
        for size, all_seconds in seconds.items()
        for one in all_seconds
        if _is_of(one, place)
    ]
    spent = sum(each for _, each in merges) + upkeep_seconds
    return sum(size for size, _ in merges) / spent


def describe(result: dict[str, Any], folder: Path) -> ReportSection:
    """The figures in words, and the rates over the size."""
    sizes = result["sizes"]
    large = str(MERGE_SIZES[0])
    series = {
        f"{label}, {size:,} a merge": [
            (one["table"], one["merges"][str(size)][name]) for one in sizes
        ]
        for name, label in (("everlake", "Everlake"), ("duckdb", "DuckDB"))
        for size in MERGE_SIZES
    }
    plots.lines(
        series,
        x="records in the workspace",
        y="records merged a second",
        file=folder / "merge.svg",
        log_x=True,
        markers=True,
    )
    first, last = sizes[0], sizes[-1]
    intro = f"""
    Records of 300 bytes (envelope and data), ids at random, every other one a re-send of a
    record that is there. The tables are filled by the lake's own writer and upkeep, and the
    merges are the call that the worker makes. DuckDB merges the same rows into a table with a
    primary key, from the same Python objects. Medians of {result["rounds"]} rounds in turn over
    the sizes.
    """
    lines = [
        *markdown_table(
            [
                "records there",
                *(
                    f"{name}, {size:,} a merge"
                    for name in ("Everlake", "DuckDB")
                    for size in MERGE_SIZES
                ),
                "Everlake with its upkeep",
                "on disk",
            ],
            [
                [
                    format_count(one["table"]),
                    *(
                        format_rate(one["merges"][str(size)][name])
                        for name in ("everlake", "duckdb")
                        for size in MERGE_SIZES
                    ),
                    format_rate(one["with_upkeep"]),
                    f"{one['bytes'] / 1e9:.2f} GB",
                ]
                for one in sizes
            ],
        ),
        "![Merge rate over size](merge.svg)",
        "",
    ]
    ratio = last["merges"][large]["everlake"] / first["merges"][large]["everlake"]
    rows = [
        FigureRow(
            what=f"Merge of {MERGE_SIZES[0]:,} into {format_count(last['table'])}",
            figure=format_rate(last["merges"][large]["everlake"]),
            beside=(
                f"into {format_count(first['table'])}: "
                f"{format_rate(first['merges'][large]['everlake'])}"
            ),
            ratio=ratio,
            target=f"≥ {_TARGET:g}",
            met=ratio >= _TARGET,
        ),
        *(
            FigureRow(
                what=f"Merge of {MERGE_SIZES[0]:,} into {format_count(one['table'])}",
                figure=format_rate(one["merges"][large]["everlake"]),
                beside=f"DuckDB: {format_rate(one['merges'][large]['duckdb'])}",
                ratio=one["merges"][large]["everlake"] / one["merges"][large]["duckdb"],
            )
            for one in sizes
        ),
    ]
    return ReportSection(title="Merging into much", intro=intro, rows=rows, lines=lines)
