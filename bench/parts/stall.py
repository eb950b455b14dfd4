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
from bench.processes import QUIET, fresh_directory, ingest_headers, workspace
from bench.section import Row, Section, megabytes, ms, table
from bench.stalled import COME_AGAIN_SECONDS, Crowd, Look, standing_still
from tests.integration.postgres import Postgres, postgres
from tests.integration.processes import pid_of, tree
from tests.integration.server import running

TIMEOUT = 2.0
"""``EVERLAKE_DATABASE_TIMEOUT``, seconds."""
_POINTS = 60
_SIZE = 1_000


class Load(msgspec.Struct, frozen=True):
    """So many clients, each with one request of so many records at a time."""

    name: str
    clients: int
    records: int


LOADS = (Load("64 clients, 1 MB a body", 64, 1_000), Load("512 clients, 10 KB a body", 512, 10))


def measure(*, quick: bool) -> dict[str, Any]:
    """Before, while and after the database stands still, with few large bodies and many small."""
    before, still, after = (1.0, 4.0, 3.0) if quick else (5.0, 10.0, 10.0)
    with fresh_directory() as folder, tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        (Path(home) / "pg").mkdir()
        with postgres(Path(home) / "pg") as server:
            found = {
                load.name: _measure(load, server, folder, (before, still, after)) for load in LOADS
            }
    return {"before": before, "still": still, "after": after, "loads": found}


def _measure(
    load: Load, server: Postgres, folder: Path, seconds: tuple[float, float, float]
) -> dict[str, Any]:
    before, still, after = seconds
    files = write_bodies(folder, "json", _SIZE, 32, records_each=load.records)
    url = server.new_database()
    env = {
        **QUIET,
        "EVERLAKE_DATABASE_URL": url,
        "EVERLAKE_API_PROCESSES": "1",
        "EVERLAKE_DATABASE_TIMEOUT": f"{TIMEOUT:g}",
    }
    with workspace(env) as (data, setup), running("api", data, env) as api:
        headers = ingest_headers(setup)
        pids = tree(pid_of(api))
        crowd = Crowd(api.port, "/api/v1/ingest", headers, files, load.clients, pids)
        with crowd.at_work():
            time.sleep(before)
            stopped_at = crowd.now
            with standing_still(server):
                time.sleep(still)
            went_on_at = crowd.now
            time.sleep(after)
        if crowd.faults:
            raise RuntimeError(f"connections broke: {crowd.faults[:3]}")
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT count(*) FROM batches").fetchone()
        assert row is not None
        stored = int(row[0])
    told = [one for one in crowd.answers if one.status == 503]
    taken = [one for one in crowd.answers if one.status == 202]
    refused = [one.after for one in told]
    looks = [one for one in crowd.looks if stopped_at <= one.at <= went_on_at]
    return {
        "other": len(crowd.answers) - len(told) - len(taken),
        "taken": len(taken),
        "told": len(told),
        "stored": stored,
        "rate_before": sum(one.at < stopped_at for one in taken) / stopped_at,
        "told_p50": median(refused) if refused else 0.0,
        "told_p99": quantile(refused, 0.99) if refused else 0.0,
        "told_longest": max(refused, default=0.0),
        "waiting": max(one.waiting for one in looks),
        "resident_before": max(one.resident for one in crowd.looks if one.at < stopped_at),
        "resident": max(one.resident for one in looks),
        "resident_after": max(one.resident for one in crowd.looks if one.at > went_on_at),
        "first_after": min((one.at for one in taken if one.at > went_on_at), default=0.0)
        - went_on_at,
        "last_told_after": max((one.at for one in told), default=went_on_at) - went_on_at,
        "looks": _thinned(crowd.looks),
    }


def _thinned(looks: list[Look]) -> list[list[float]]:
    step = max(1, len(looks) // _POINTS)
    return [[round(one.at, 2), one.waiting, one.resident] for one in looks[::step]]


def describe(result: dict[str, Any], folder: Path) -> Section:
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
    send as soon as they have an answer, and {COME_AGAIN_SECONDS:g} s after a 503 (it asks for 5).
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
            *(ms(one[f"told_{share}"]) for share in ("p50", "p99", "longest")),
            str(one["waiting"]),
            *(megabytes(one[f"resident{when}"]) for when in ("_before", "", "_after")),
            ms(one["first_after"]),
            ms(one["last_told_after"]) if one["last_told_after"] > 0 else "none",
            f"{one['taken']:,} and {one['told']:,}",
            str(one["stored"] - one["taken"]),
        ]
        for name, one in loads.items()
    ]
    worst = max(loads.values(), key=lambda one: one["told_longest"])
    bound = 3 * TIMEOUT
    figures = [
        Row(
            what="Database stands still: the longest wait for a 503",
            figure=ms(worst["told_longest"]),
            target=f"≤ {bound:g} s, three times the setting",
            met=worst["told_longest"] <= bound,
        ),
        Row(
            what="Database stands still: batches stored whose client was told 503",
            figure=f"{sum(one['stored'] - one['taken'] for one in loads.values())}",
            beside=f"of {sum(one['told'] for one in loads.values()):,} answers of 503",
        ),
        Row(
            what="Database stands still: memory of an API process",
            figure=megabytes(max(one["resident"] for one in loads.values())),
            target="≤ 400 MB",
            met=max(one["resident"] for one in loads.values()) <= 400e6,
        ),
    ]
    lines = [*table(heads, rows), "![Memory of the API over time](stall.svg)", ""]
    return Section(title="A database that stands still", intro=intro, rows=figures, lines=lines)
