"""Accepting while the worker works: records a second until the last has landed, and after it."""

from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench import plots
from bench.batch_progress import Curve, progress_curves, wait_until_complete
from bench.bodies import RECORDS, write_bodies
from bench.driver import run_load
from bench.peers.datasette import datasette
from bench.peers.dlt import dlt_rate
from bench.processes import (
    SERVER_SETTINGS,
    ResourceSampler,
    fresh_directory,
    ingest_headers,
    workspace,
)
from bench.section import (
    MEMORY_HEADS,
    FigureRow,
    ReportSection,
    format_count,
    format_rate,
    markdown_table,
    memory_cells,
)
from tests.support.server import running_server

SIZE = 1_000
CONNECTIONS = 8
_WITHIN_SECONDS = 900.0
_TARGET_DATASETTE = 3.0
_POINTS = 200


class SustainedScale(msgspec.Struct, frozen=True, kw_only=True):
    """How much of it; ``peer_bodies`` are fewer, which is in the peers' favour."""

    rounds: int
    bodies: int
    peer_bodies: int
    dlt_small_loads: int
    dlt_large_load: int


FULL = SustainedScale(
    rounds=3, bodies=500, peer_bodies=200, dlt_small_loads=20, dlt_large_load=50_000
)
QUICK = SustainedScale(rounds=1, bodies=20, peer_bodies=5, dlt_small_loads=2, dlt_large_load=2_000)


def measure(*, quick: bool) -> dict[str, Any]:
    """Records a second to each status, what it took, and the peers' rates."""
    scale = QUICK if quick else FULL
    with fresh_directory() as folder:
        files = write_bodies(folder, "json", SIZE, scale.bodies)
        texts = write_bodies(folder, "rows-text", SIZE, scale.peer_bodies)
        objects = write_bodies(folder, "rows", SIZE, scale.peer_bodies // 2)
        rounds: list[dict[str, Any]] = []
        for _ in range(scale.rounds):
            everlake = _everlake(files)
            rounds.append(
                {
                    "everlake": everlake,
                    "datasette": _datasette(folder, texts),
                    "datasette_objects": _datasette(folder, objects),
                    "dlt_small": _dlt(1_000, scale.dlt_small_loads),
                    "dlt_large": _dlt(scale.dlt_large_load, 1),
                }
            )
    return {
        "records": scale.bodies * RECORDS,
        "peer_records": scale.peer_bodies * RECORDS,
        "dlt_large_load": scale.dlt_large_load,
        "rounds": rounds,
    }


def _everlake(files: list[Path]) -> dict[str, Any]:
    records = len(files) * RECORDS
    with workspace() as (data, setup), running_server("serve", data, SERVER_SETTINGS) as server:
        with ResourceSampler(server) as watch:
            load = run_load(
                server.port,
                "/api/v1/ingest",
                ingest_headers(setup),
                files,
                connections=CONNECTIONS,
                expect=f'"acceptedCount":{RECORDS},"rejectedCount":0',
            )
            wait_until_complete(data, setup["workspace_id"], len(files), _WITHIN_SECONDS)
        curves = progress_curves(data, setup["workspace_id"], load.started_at)
    landed, complete = curves.landed[-1][0], curves.complete[-1][0]
    return {
        "accept_rate": records / load.seconds,
        "landed_rate": records / landed,
        "complete_rate": records / complete,
        "analysis_rate": _rate_after(curves.complete, landed),
        "curves": {
            "accepted": _thinned(curves.accepted),
            "landed": _thinned(curves.landed),
            "complete": _thinned(curves.complete),
        },
        "processes": {
            name: msgspec.to_builtins(use) | {"cpu_a_million": use.cpu * 1e6 / records}
            for name, use in watch.uses.items()
        },
        "driver_cpu": load.cpu * 1e6 / records,
    }


def _rate_after(complete: Curve, moment: float) -> float:
    """Records analysed a second once nothing lands any more: the worker's time is theirs alone."""
    before = max(records for seconds, records in complete if seconds <= moment)
    rest = complete[-1][1] - before
    return rest / (complete[-1][0] - moment) if rest else 0.0


def _thinned(curve: Curve) -> Curve:
    step = max(1, len(curve) // _POINTS)
    return [(round(x, 3), y) for x, y in [*curve[::step], curve[-1]]]


def _datasette(folder: Path, files: list[Path]) -> float:
    with datasette(folder) as server:
        load = run_load(
            server.port,
            server.path,
            server.headers,
            files,
            connections=CONNECTIONS,
            status=200,
            expect='"ok"',
        )
        assert server.count() == len(files) * RECORDS
    return len(files) * RECORDS / load.seconds


def _dlt(per_load: int, loads: int) -> float:
    with fresh_directory() as directory:
        return dlt_rate(directory, per_load, loads, SIZE)


def describe(result: dict[str, Any], folder: Path) -> ReportSection:
    """The figures in words, and the counts over time."""
    rounds = result["rounds"]
    middle = sorted(rounds, key=lambda one: one["everlake"]["landed_rate"])[len(rounds) // 2]
    ours = middle["everlake"]
    plots.lines(
        {f"Everlake, {name}": points for name, points in ours["curves"].items()},
        x="seconds since the first request",
        y="records",
        file=folder / "sustained.svg",
        steps=True,
    )
    intro = f"""
    {format_count(result["records"])} records of {SIZE // 1000} KB, {RECORDS:,} a request, sent over
    {CONNECTIONS} connections as fast as they are answered, to `everlake serve` with its worker.
    Times come from the catalog. Datasette has its rows when it answers, and dlt when its load
    is done. Datasette gets {format_count(result["peer_records"])} records at most and dlt fewer
    still:
    their tables stay smaller, which is in their favour. Medians of {len(rounds)} rounds in
    turn; the plot and the processes are those of the middle round.
    """
    lines = [
        *markdown_table(
            ["", "records/s"],
            [
                ["accepted", format_rate(_ours(rounds, "accept_rate"))],
                ["until the last is `LANDED`", format_rate(_ours(rounds, "landed_rate"))],
                ["until the last is `COMPLETE`", format_rate(_ours(rounds, "complete_rate"))],
                ["`LANDED` to `COMPLETE`, alone", format_rate(_ours(rounds, "analysis_rate"))],
                ["Datasette, members as JSON text", format_rate(_peer(rounds, "datasette"))],
                ["Datasette, members as they are", format_rate(_peer(rounds, "datasette_objects"))],
                ["dlt into DuckDB, 1,000 a load", format_rate(_peer(rounds, "dlt_small"))],
                [
                    f"dlt into DuckDB, {format_count(result['dlt_large_load'])} a load",
                    format_rate(_peer(rounds, "dlt_large")),
                ],
            ],
        ),
        *markdown_table(
            ["role", "processes", "CPU seconds a million records", *MEMORY_HEADS],
            [
                *(
                    [
                        role,
                        str(use["processes"]),
                        f"{use['cpu_a_million']:.1f}",
                        *memory_cells(use),
                    ]
                    for role, use in sorted(ours["processes"].items())
                ),
                ["load driver", "1", f"{ours['driver_cpu']:.1f}", *[""] * len(MEMORY_HEADS)],
            ],
        ),
        "![Records over time](sustained.svg)",
        "",
    ]
    rows = [
        _row(rounds, "datasette", "Datasette, members as JSON text", _TARGET_DATASETTE),
        _row(rounds, "datasette_objects", "Datasette, members as they are", None),
        _row(rounds, "dlt_small", "dlt into DuckDB, 1,000 a load", None),
        _row(
            rounds,
            "dlt_large",
            f"dlt into DuckDB, {format_count(result['dlt_large_load'])} a load",
            None,
        ),
        FigureRow(what="Accept to `COMPLETE`", figure=format_rate(_ours(rounds, "complete_rate"))),
        FigureRow(
            what="`LANDED` to `COMPLETE`, alone", figure=format_rate(_ours(rounds, "analysis_rate"))
        ),
    ]
    return ReportSection(
        title="Sustained: with the worker at work", intro=intro, rows=rows, lines=lines
    )


def _ours(rounds: list[dict[str, Any]], figure: str) -> float:
    return median(one["everlake"][figure] for one in rounds)


def _peer(rounds: list[dict[str, Any]], name: str) -> float:
    return median(one[name] for one in rounds)


def _row(rounds: list[dict[str, Any]], peer: str, label: str, target: float | None) -> FigureRow:
    ratio = median(one["everlake"]["landed_rate"] / one[peer] for one in rounds)
    return FigureRow(
        what="Accept to `LANDED`, records of 1 KB",
        figure=format_rate(_ours(rounds, "landed_rate")),
        beside=f"{label}: {format_rate(_peer(rounds, peer))}",
        ratio=ratio,
        target="" if target is None else f"≥ {target:g}",
        met=None if target is None else ratio >= target,
    )
