"""Several API and worker processes on PostgreSQL, beside the form on one machine with SQLite."""

import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import psycopg

from bench.bodies import write_bodies
from bench.driver import Load, drive, quantile
from bench.processes import QUIET, cpu_seconds, fresh_directory, ingest_headers, workspace
from bench.queue import landing_lags, progress, wait_until_complete
from bench.section import Row, Section, ms, rate, table
from tests.integration.postgres import Postgres, postgres
from tests.integration.processes import tree
from tests.integration.server import Server, running

NODES = (1, 2, 4)
SIZE = 1_000
SMALL = 10
CONNECTIONS = 8
_WITHIN_SECONDS = 900.0
_CALLS = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat%'"


class Form(msgspec.Struct, frozen=True):
    """What is measured: so many API and worker processes; with no ``nodes`` SQLite's form."""

    name: str
    nodes: int


def measure(*, quick: bool) -> dict[str, Any]:
    """Rates, lags, statements and processor time of each form, in turn."""
    bodies, small, rounds = (10, 100, 1) if quick else (200, 3_000, 3)
    forms = [Form("SQLite", 0), *(Form(f"PostgreSQL, {n} and {n}", n) for n in NODES)]
    with fresh_directory() as folder, tempfile.TemporaryDirectory() as home:
        large_files = write_bodies(folder, "json", SIZE, bodies)
        small_files = write_bodies(folder, "json", SIZE, min(small, 200), records_each=SMALL)
        Path(home).chmod(0o755)
        (Path(home) / "pg").mkdir()
        preload = {"shared_preload_libraries": "pg_stat_statements"}
        with postgres(Path(home) / "pg", preload) as server:
            found = [
                {form.name: _measure(form, server, large_files, small_files, small)}
                for _ in range(rounds)
                for form in forms
            ]
    by_form = {form.name: [one[form.name] for one in found if form.name in one] for form in forms}
    return {
        "large": bodies,
        "small": small,
        "rounds": rounds,
        "forms": {
            name: {key: median(one[key] for one in rounds_of) for key in rounds_of[0]}
            for name, rounds_of in by_form.items()
        },
    }


def _measure(
    form: Form, server: Postgres, large: list[Path], small: list[Path], requests: int
) -> dict[str, float]:
    env = dict(QUIET)
    if form.nodes:
        env["EVERLAKE_DATABASE_URL"] = server.new_database()
        env["EVERLAKE_API_PROCESSES"] = str(form.nodes)
    with workspace(env) as (data, setup):
        calls = _Calls(env.get("EVERLAKE_DATABASE_URL"))
        headers = ingest_headers(setup)
        with running("api", data, env) as api:
            before = calls.count()
            accepted = drive(
                api.port,
                "/api/v1/ingest",
                headers,
                small,
                requests=requests,
                connections=CONNECTIONS,
            )
            statements = (calls.count() - before) / requests
        with _whole(form, data, env) as (port, cpu):
            load = drive(port, "/api/v1/ingest", headers, large, connections=CONNECTIONS)
            count = requests + len(large)
            wait_until_complete(data, setup["workspace_id"], count, _WITHIN_SECONDS, env)
            spent = cpu()
        curves = progress(data, setup["workspace_id"], load.started_at, env)
        lags = landing_lags(data, setup["workspace_id"], load.started_at, env)
    records = len(large) * 1_000
    return _figures(accepted, load, records) | {
        "landed_rate": records / curves.landed[-1][0],
        "lag_p50": quantile(lags, 0.5),
        "lag_p99": quantile(lags, 0.99),
        "statements": statements,
        "cpu_a_million": spent / records * 1e6,
    }


def _figures(small: Load, large: Load, records: int) -> dict[str, float]:
    return {
        "requests_rate": len(small.latencies) / small.seconds,
        "small_p50": small.quantile(0.5),
        "small_p99": small.quantile(0.99),
        "accept_rate": records / large.seconds,
    }


@contextmanager
def _whole(form: Form, data: Path, env: dict[str, str]) -> Generator[tuple[int, Any]]:
    """APIs and workers; their port, and what tells the processor seconds of all of them."""
    with ExitStack() as stack:
        if not form.nodes:
            servers = [stack.enter_context(running("serve", data, env))]
        else:
            servers = [stack.enter_context(running("api", data, env))]
            for number in range(form.nodes):
                worker = Server("worker", data, env)
                worker.log_path = data / f"worker-{number}.log"
                worker.start()
                stack.callback(worker.stop)
                servers.append(worker)
        time.sleep(2)  # all of them are at work
        pids = [pid for one in servers if one.process for pid in tree(one.process.pid)]
        before = sum(map(cpu_seconds, pids))
        yield servers[0].port, lambda: sum(map(cpu_seconds, pids)) - before


class _Calls:
    """How many statements a database has carried out; none of them for SQLite."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        if url is not None:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION pg_stat_statements")

    def count(self) -> int:
        if self._url is None:
            return 0
        with psycopg.connect(self._url, autocommit=True) as connection:
            row = connection.execute(_CALLS).fetchone()
        assert row is not None
        return int(row[0])


def describe(result: dict[str, Any], folder: Path) -> Section:  # noqa: ARG001 - as of every part
    """The figures in words."""
    forms = result["forms"]
    intro = f"""
    The same load on the form for one machine (`everlake serve` with SQLite) and on `everlake api`
    with 1, 2 and 4 processes and as many `everlake worker`, over a PostgreSQL on the same machine
    and one data directory. First {result["small"]:,} requests of {SMALL} records with no worker,
    over {CONNECTIONS} connections; then {result["large"]} of 1,000 records of 1 KB with the
    workers at work. Medians of {result["rounds"]} rounds in turn. All processes, the database and
    the load driver share two cores, so the rates cannot grow with the processes here; statements
    and processor time a million records tell what a further machine would have to carry. One
    workspace has one writer at a time: with one workspace, more workers only stand by.
    """
    heads = [
        "form", "small requests/s", "p50", "p99", "statements a request",
        "records/s accepted", "until `LANDED`", "lag p50", "lag p99", "CPU s a million records",
    ]  # fmt: skip
    lines = table(
        heads,
        (
            (
                name,
                f"{one['requests_rate']:,.0f}",
                ms(one["small_p50"]),
                ms(one["small_p99"]),
                f"{one['statements']:.2f}" if one["statements"] else "",
                f"{one['accept_rate']:,.0f}",
                f"{one['landed_rate']:,.0f}",
                ms(one["lag_p50"]),
                ms(one["lag_p99"]),
                f"{one['cpu_a_million']:.0f}",
            )
            for name, one in forms.items()
        ),
    )
    one_node, sqlite = forms[f"PostgreSQL, {NODES[0]} and {NODES[0]}"], forms["SQLite"]
    rows = [
        Row(
            what="Small requests on PostgreSQL, one API process",
            figure=f"{one_node['requests_rate']:,.0f}/s",
            beside=f"SQLite, its processes: {sqlite['requests_rate']:,.0f}/s",
            ratio=one_node["requests_rate"] / sqlite["requests_rate"],
        ),
        Row(
            what="Statements of a request on PostgreSQL",
            figure=f"{one_node['statements']:.2f}",
            target="≤ 3",
            met=one_node["statements"] <= 3,
        ),
        Row(
            what="Accept to `LANDED` on PostgreSQL, one and one",
            figure=rate(one_node["landed_rate"]),
            beside=f"SQLite: {rate(sqlite['landed_rate'])}",
            ratio=one_node["landed_rate"] / sqlite["landed_rate"],
        ),
    ]
    return Section(title="On PostgreSQL", intro=intro, rows=rows, lines=lines)
