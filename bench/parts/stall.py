"""A database that stands still under many clients: how many wait, how soon they are told."""

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import psycopg

from bench import plots
from bench.bodies import write_bodies
from bench.driver import quantile
from bench.processes import SERVER_SETTINGS, fresh_directory, ingest_headers, workspace
from bench.section import FigureRow, ReportSection, format_megabytes, format_ms, markdown_table
from bench.stalled_database import RETRY_SECONDS, ClientPool, MemorySample, suspended
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.processes import pid_of, process_tree
from tests.support.server import running_server

TIMEOUT = 2.0
"""``EVERLAKE_DATABASE_TIMEOUT``, seconds."""
_POINTS = 60
_SIZE = 1_000


class ClientLoad(msgspec.Struct, frozen=True):
    """So many clients, each with one request of so many records at a time."""

    name: str
    clients: int
    records: int


CLIENT_LOADS = (
    ClientLoad("64 clients, 1 MB a body", 64, 1_000),
    ClientLoad("512 clients, 10 KB a body", 512, 10),
)


def measure(*, quick: bool) -> dict[str, Any]:
    """Before, while and after the database stands still, with few large bodies and many small."""
    before, still, after = (1.0, 4.0, 3.0) if quick else (5.0, 10.0, 10.0)
    with fresh_directory() as folder, tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        (Path(home) / "pg").mkdir()
        with running_postgres(Path(home) / "pg") as server:
            found = {
                load.name: _measure(load, server, folder, (before, still, after))
                for load in CLIENT_LOADS
            }
    return {"before": before, "still": still, "after": after, "loads": found}


def _measure(
    load: ClientLoad, server: PostgresServer, folder: Path, seconds: tuple[float, float, float]
) -> dict[str, Any]:
    before, still, after = seconds
    files = write_bodies(folder, "json", _SIZE, 32, records_each=load.records)
    url = server.new_database()
    env = {
        **SERVER_SETTINGS,
        "EVERLAKE_DATABASE_URL": url,
        "EVERLAKE_API_PROCESSES": "1",
        "EVERLAKE_DATABASE_TIMEOUT": f"{TIMEOUT:g}",
    }
    with workspace(env) as (data, setup), running_server("api", data, env) as api:
        headers = ingest_headers(setup)
        pids = process_tree(pid_of(api))
        crowd = ClientPool(api.port, "/api/v1/ingest", headers, files, load.clients, pids)
        with crowd.running():
            time.sleep(before)
            stopped_at = crowd.now
            with suspended(server):
                time.sleep(still)
            went_on_at = crowd.now
            time.sleep(after)
        if crowd.errors:
            raise RuntimeError(f"connections broke: {crowd.errors[:3]}")
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT count(*) FROM batches").fetchone()
        assert row is not None
        stored = int(row[0])
    told = [one for one in crowd.responses if one.status == 503]
    taken = [one for one in crowd.responses if one.status == 202]
    refused = [one.after for one in told]
    looks = [one for one in crowd.samples if stopped_at <= one.at <= went_on_at]
    return {
        "other": len(crowd.responses) - len(told) - len(taken),
        "taken": len(taken),
        "told": len(told),
        "stored": stored,
        "rate_before": sum(one.at < stopped_at for one in taken) / stopped_at,
        "told_p50": median(refused) if refused else 0.0,
        "told_p99": quantile(refused, 0.99) if refused else 0.0,
        "told_longest": max(refused, default=0.0),
        "waiting": max(one.waiting for one in looks),
        "resident_before": max(one.resident_bytes for one in crowd.samples if one.at < stopped_at),
        "resident": max(one.resident_bytes for one in looks),
        "resident_after": max(one.resident_bytes for one in crowd.samples if one.at > went_on_at),
        "first_after": min((one.at for one in taken if one.at > went_on_at), default=0.0)
        - went_on_at,
        "last_told_after": max((one.at for one in told), default=went_on_at) - went_on_at,
        "looks": _thinned(crowd.samples),
    }


def _thinned(looks: list[MemorySample]) -> list[list[float]]:
    step = max(1, len(looks) // _POINTS)
    return [[round(one.at, 2), one.waiting, one.resident_bytes] for one in looks[::step]]


def describe(result: dict[str, Any], folder: Path) -> ReportSection:
    """The figures in words, and the requests that wait over time."""
    loads: dict[str, Any] = result["loads"]
    plots.lines(
        {
            f"Everlake, {name}": [(at, held / 1e6) for at, _, held in one["looks"]]
            for name, one in loads.items()
        },
        x=f"seconds; the database stands still from {result['before']:g} "
        f"to {result['before'] + result['still']:g}",
        y="resident memory of the API, MB",
        file=folder / "stall.svg",
    )
    intro = f"""
    One API process on PostgreSQL with `EVERLAKE_DATABASE_TIMEOUT={TIMEOUT:g}`, under clients that
    send as soon as they have an answer, and {RETRY_SECONDS:g} s after a 503 (it asks for 5).
    After {result["before"]:g} s the database's processes are stopped by a signal for
    {result["still"]:g} s, their connections open, and then go on for {result["after"]:g} s. The
    clients share the machine and one Python process.
    """
    heads = [
        "load", "202/s before", "503: p50", "p99", "longest", "most that waited",
        "memory before", "while it stands still", "after", "first 202 after it goes on",
        "last 503 after it", "202 and 503", "stored without a 202",
    ]  # fmt: skip
    rows = [
        [
            name,
            f"{one['rate_before']:,.0f}",
            *(format_ms(one[f"told_{share}"]) for share in ("p50", "p99", "longest")),
            str(one["waiting"]),
            *(format_megabytes(one[f"resident{when}"]) for when in ("_before", "", "_after")),
            format_ms(one["first_after"]),
            format_ms(one["last_told_after"]) if one["last_told_after"] > 0 else "none",
            f"{one['taken']:,} and {one['told']:,}",
            str(one["stored"] - one["taken"]),
        ]
        for name, one in loads.items()
    ]
    worst = max(loads.values(), key=lambda one: one["told_longest"])
    bound = 3 * TIMEOUT
    figures = [
        FigureRow(
            what="Database stands still: the longest wait for a 503",
            figure=format_ms(worst["told_longest"]),
            target=f"≤ {bound:g} s, three times the setting",
            met=worst["told_longest"] <= bound,
        ),
        FigureRow(
            what="Database stands still: batches stored whose client was told 503",
            figure=f"{sum(one['stored'] - one['taken'] for one in loads.values())}",
            beside=f"of {sum(one['told'] for one in loads.values()):,} answers of 503",
        ),
        FigureRow(
            what="Database stands still: memory of an API process",
            figure=format_megabytes(max(one["resident"] for one in loads.values())),
            target="≤ 400 MB",
            met=max(one["resident"] for one in loads.values()) <= 400e6,
        ),
    ]
    lines = [*markdown_table(heads, rows), "![Memory of the API over time](stall.svg)", ""]
    return ReportSection(
        title="A database that stands still", intro=intro, rows=figures, lines=lines
    )
