"""Accepting: durable 202s with no worker, beside the raw limit and Datasette."""

from pathlib import Path
from statistics import median
from typing import Any

from bench import plots
from bench.bodies import RECORDS, write_bodies
from bench.driver import LoadResult, run_load
from bench.peers.datasette import datasette
from bench.peers.raw_limit import raw_limit
from bench.processes import (
    SERVER_SETTINGS,
    ResourceSampler,
    fresh_directory,
    ingest_headers,
    workspace,
)
from bench.section import FigureRow, ReportSection, format_ms, format_rate, markdown_table
from tests.support.server import running_server

SIZES = (1_000, 5_000)
CONNECTIONS = 8
_BODIES = 40
_TARGET_RAW = 0.40
_TARGET_DATASETTE = 10.0
_SERIES = {
    "everlake": "Everlake, JSON",
    "everlake_ndjson": "Everlake, NDJSON",
    "raw": "raw limit",
    "datasette": "Datasette, members as JSON text",
    "datasette_objects": "Datasette, members as they are",
}


def measure(*, quick: bool) -> dict[str, Any]:
    """Records a second of every series at each size, medians of rounds in turn."""
    rounds, requests, fewer = (1, 20, 5) if quick else (5, 400, 40)
    with fresh_directory() as folder:
        return {
            "rounds": rounds,
            "sizes": [_measure(folder, size, rounds, requests, fewer) for size in SIZES],
        }


def _measure(folder: Path, size: int, rounds: int, requests: int, fewer: int) -> dict[str, Any]:
    some = min(_BODIES, fewer)
    files = {
        form: write_bodies(folder, form, size, some)
        for form in ("json", "ndjson", "rows", "rows-text")
    }
    asked = requests if size == SIZES[0] else requests // 2
    measured: list[dict[str, dict[str, float]]] = []
    for _ in range(rounds):
        one = {
            "raw": _raw(folder, files["json"], asked),
            "everlake": _everlake(files["json"], "application/json", asked),
            "everlake_ndjson": _everlake(files["ndjson"], "application/x-ndjson", asked),
            "datasette": _datasette(folder, files["rows-text"]),
            "datasette_objects": _datasette(folder, files["rows"]),
        }
        measured.append(one)
    return {
        "size": size,
        "rounds": measured,
        "median": {
            name: {
                figure: median(one[name][figure] for one in measured)
                for figure in measured[0][name]
            }
            for name in measured[0]
        },
        "ratio": {
            name: median(one["everlake"]["rate"] / one[name]["rate"] for one in measured)
            for name in measured[0]
        },
    }


def _raw(folder: Path, files: list[Path], requests: int) -> dict[str, float]:
    with raw_limit(folder) as port:
        return _figures(run_load(port, "/", {}, files, requests=requests, connections=CONNECTIONS))


def _everlake(files: list[Path], media_type: str, requests: int) -> dict[str, float]:
    with (
        workspace() as (data, setup),
        running_server("api", data, SERVER_SETTINGS) as api,
        ResourceSampler(api) as watch,
    ):
        load = run_load(
            api.port,
            "/api/v1/ingest",
            ingest_headers(setup, media_type),
            files,
            requests=requests,
            connections=CONNECTIONS,
            expect=f'"acceptedCount":{RECORDS},"rejectedCount":0',
        )
    cpu = watch.uses["api"].cpu / (len(load.latencies) * RECORDS)
    return _figures(load) | {"cpu_us": cpu * 1e6}


def _datasette(folder: Path, files: list[Path]) -> dict[str, float]:
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
    return _figures(load)


def _figures(load: LoadResult) -> dict[str, float]:
    records = len(load.latencies) * RECORDS
    return {
        "rate": records / load.seconds,
        "p50": load.quantile(0.5),
        "p99": load.quantile(0.99),
        "driver_cpu_us": load.cpu / records * 1e6,
    }


def describe(result: dict[str, Any], folder: Path) -> ReportSection:
    """The figures in words, and their plot."""
    plots.bars(
        {
            f"{label}, {one['size'] // 1000} KB": one["median"][name]["rate"]
            for one in result["sizes"]
            for name, label in _SERIES.items()
        },
        "durable records a second",
        folder / "accept.svg",
    )
    rows: list[FigureRow] = []
    intro = f"""
    {RECORDS:,} records a request, {CONNECTIONS} connections, medians of {result["rounds"]}
    rounds in turn with the peers; each ratio is the median of the rounds' own. The raw limit is
    the same HTTP server, which appends each body to one file and syncs it: it parses nothing,
    keeps no index, and cannot tell one sender from another. Datasette upserts the same records
    into a table by their vendor id, and its answer is durable as well (SQLite with a rollback
    journal and `synchronous=FULL`, as it comes). It gets members that are objects or lists once
    as JSON text, which its client has to make, and once as they are, as everybody else here
    does.
    """
    lines: list[str] = []
    for one in result["sizes"]:
        size = f"{one['size'] // 1000} KB"
        rows += [
            _row(one, size, "datasette", _TARGET_DATASETTE),
            _row(one, size, "datasette_objects", None),
            _row(one, size, "raw", _TARGET_RAW),
        ]
        lines += [f"Records of {size}:", "", *_table(one)]
    lines += ["![Accepted records a second](accept.svg)", ""]
    return ReportSection(
        title="Accept: durable 202s, no worker", intro=intro, rows=rows, lines=lines
    )


def _row(one: dict[str, Any], size: str, peer: str, target: float | None) -> FigureRow:
    ratio = one["ratio"][peer]
    return FigureRow(
        what=f"Accept, records of {size}",
        figure=format_rate(one["median"]["everlake"]["rate"]),
        beside=f"{_SERIES[peer]}: {format_rate(one['median'][peer]['rate'])}",
        ratio=ratio,
        target="" if target is None else f"≥ {target:g}",
        met=None if target is None else ratio >= target,
    )


def _table(one: dict[str, Any]) -> list[str]:
    heads = ["", "records/s", "ratio", "p50", "p99", "CPU a record", "driver's CPU"]
    return markdown_table(
        heads,
        (
            (
                label,
                f"{one['median'][name]['rate']:,.0f}",
                f"{one['ratio'][name]:.2f}",
                format_ms(one["median"][name]["p50"]),
                format_ms(one["median"][name]["p99"]),
                _micros(one["median"][name].get("cpu_us")),
                _micros(one["median"][name]["driver_cpu_us"]),
            )
            for name, label in _SERIES.items()
        ),
    )


def _micros(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} µs"
