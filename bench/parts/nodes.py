"""Several API and worker processes on PostgreSQL and S3, beside the form on one machine."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from bench import plots
from bench.bodies import RECORDS, write_bodies
from bench.deployments import (
    ALONE,
    CONNECTIONS,
    PACED,
    REQUEST_RATE,
    SMALL,
    WORKSPACES,
    Deployment,
    Environment,
    RequestBodies,
    measure_deployment,
)
from bench.processes import fresh_directory
from bench.section import FigureRow, ReportSection, format_ms, format_rate, markdown_table
from tests.support.postgres import running_postgres
from tests.support.s3 import running_s3

NODES = (1, 2, 4)
SIZE = 1_000
SQLITE = "SQLite"
_FILES, _BUCKET = "PostgreSQL", "PostgreSQL and S3"
_PARTS = {
    "api": "API",
    "worker": "worker",
    "serve": "parent",
    "PostgreSQL": "PostgreSQL",
    "S3": "S3 server",
}
_TARGET_STATEMENTS = 3


def measure(*, quick: bool) -> dict[str, Any]:
    """Rates, lags, and what each part has to do, form after form in turn."""
    large, paced, small, rounds = (8, 16, 40, 1) if quick else (100, 80, 1_000, 3)
    forms = [
        Deployment(SQLITE, 0),
        *(Deployment(_named(_FILES, nodes), nodes) for nodes in NODES),
        *(Deployment(_named(_BUCKET, nodes), nodes, in_bucket=True) for nodes in NODES),
    ]
    with fresh_directory() as folder, tempfile.TemporaryDirectory() as home:
        bodies = RequestBodies(
            large=write_bodies(folder, "json", SIZE, large),
            paced=write_bodies(folder, "json", SIZE, paced, records_each=PACED),
            small=write_bodies(folder, "json", SIZE, 200, records_each=SMALL),
            small_requests=small,
            paced_requests=paced,
        )
        Path(home).chmod(0o755)
        (Path(home) / "pg").mkdir()
        preload = {"shared_preload_libraries": "pg_stat_statements"}
        with running_postgres(Path(home) / "pg", preload) as database, running_s3(folder) as bucket:
            ground = Environment(database, bucket, folder)
            found = [
                (form.name, measure_deployment(form, ground, bodies))
                for _ in range(rounds)
                for form in forms
            ]
    by_form = {form.name: [one for name, one in found if name == form.name] for form in forms}
    return {
        "large": large,
        "paced": paced,
        "small": small,
        "rounds": rounds,
        "forms": {
            name: {key: median(one.get(key, 0.0) for one in rounds_of) for key in rounds_of[0]}
            for name, rounds_of in by_form.items()
        },
    }


def _named(place: str, nodes: int) -> str:
    return f"{place}, {nodes} and {nodes}"


def describe(result: dict[str, Any], folder: Path) -> ReportSection:
    """The figures in words, and the processor time as bars."""
    forms: dict[str, dict[str, float]] = result["forms"]
    plots.stacked(
        {
            label: {name: one.get(f"cpu_{part}", 0.0) for name, one in forms.items()}
            for part, label in _PARTS.items()
            if part != "serve"
        },
        "processor seconds a million records of 1 KB, until COMPLETE",
        folder / "nodes.svg",
    )
    intro = f"""
    The same load on the form for one machine (`everlake serve` with SQLite, two API processes and
    one worker), on PostgreSQL with the archive in a directory, and on PostgreSQL with the archive
    in a bucket, each of the latter with 1, 2 and 4 API processes and as many `everlake worker`.
    {WORKSPACES} workspaces take turns, each request has an idempotency key. First {ALONE} requests
    of {SMALL} records one after another and {result["small"]:,} over {CONNECTIONS} connections,
    with no worker; then, with the workers, {result["large"]} requests of {RECORDS:,} records of
    1 KB at once; then {result["paced"]} of {PACED} records at {REQUEST_RATE:g} a second; then
    nothing.
    Medians of {result["rounds"]} rounds in turn. **All of it shares two cores**: the processes, the
    database, the load driver and the S3 server, which is moto, a slow one in Python, on the local
    machine and with nothing on disk. So rates cannot grow with the processes here, and times say
    nothing about a real bucket. What does carry over is the work: statements, bytes, requests,
    processor seconds.
    """
    lines = [
        *_rates(forms),
        *_processor(forms),
        "![Processor time by part](nodes.svg)",
        "",
        *_statements(forms),
        *_bytes(forms),
        *_rows_kept(forms),
        *_bucket(forms),
    ]
    return ReportSection(title="Many machines", intro=intro, rows=_rows(forms), lines=lines)


def _rates(forms: Mapping[str, Mapping[str, float]]) -> list[str]:
    heads = [
        "form", "small requests/s", "p50", "p99", "records/s accepted", "until `LANDED`",
        "until `COMPLETE`", "paced: lag to `LANDED`, p50", "p99", "to `COMPLETE`, p50", "p99",
    ]  # fmt: skip
    return _table(
        heads,
        forms,
        lambda one: [
            f"{one['requests_rate']:,.0f}",
            format_ms(one["small_p50"]),
            format_ms(one["small_p99"]),
            *(f"{one[f'{name}_rate']:,.0f}" for name in ("accept", "landed", "complete")),
            *(
                format_ms(one[f"{name}_{share}"])
                for name in ("landed", "complete")
                for share in ("p50", "p99")
            ),
        ],
    )


def _processor(forms: Mapping[str, Mapping[str, float]]) -> list[str]:
    parts = [part for part in _PARTS if part != "serve"]

    def millions(one: Mapping[str, float]) -> list[str]:
        shares = [one.get(f"cpu_{part}", 0.0) for part in parts]
        return [
            *(f"{share:.1f}" if share else "" for share in shares),
            f"{sum(shares):.0f}",
            f"{one['cpu_driver']:.1f}",
        ]

    def single(one: Mapping[str, float]) -> list[str]:
        found = [one.get(f"{load}_cpu_{part}", 0.0) * 1000 for load, part in _SINGLE]
        return [f"{spent:.1f}" if spent else "" for spent in found]

    heads = ["form", *(_PARTS[part] for part in parts), "all", "load driver"]
    labels = {"accept": "small request", "paced": "paced batch", "idle": "idle worker"}
    singles = ["form", *(f"{labels[load]}: {_PARTS[part]}" for load, part in _SINGLE)]
    return [
        "Processor seconds a million records of 1 KB, 1,000 a request, until `COMPLETE`:",
        "",
        *_table(heads, forms, millions),
        f"Processor milliseconds of a request of {SMALL} records that is only accepted, of a paced",
        f"batch of {PACED} (of all workers together), and of a second of a worker with nothing to",
        "do:",
        "",
        *_table(singles, forms, single),
    ]


_SINGLE = (
    ("accept", "api"),
    ("accept", "PostgreSQL"),
    ("accept", "S3"),
    ("paced", "api"),
    ("paced", "worker"),
    ("paced", "PostgreSQL"),
    ("idle", "worker"),
    ("idle", "PostgreSQL"),
)


def _statements(forms: Mapping[str, Mapping[str, float]]) -> list[str]:
    lines = [
        "Statements of a batch (round trips in brackets), and those of a worker with nothing to"
    ]
    lines += ["do; of the paced batches with everything that the idle workers ask meanwhile:", ""]
    heads = [
        "form", "accept, one at a time", f"accept, {CONNECTIONS} at a time",
        "until `COMPLETE`, all at once", "until `COMPLETE`, paced", "an idle worker",
        "connections",
    ]  # fmt: skip

    def cells(one: Mapping[str, float]) -> list[str]:
        return [
            *(
                f"{one[f'{load}_statements']:.1f} ({one[f'{load}_turns']:.1f})"
                for load in ("alone", "accept", "burst", "paced")
            ),
            f"{one['idle_statements']:.0f}/s",
            f"{one['connections']:.0f}",
        ]

    return [*lines, *_table(heads, _of_database(forms), cells)]


def _bytes(forms: Mapping[str, Mapping[str, float]]) -> list[str]:
    lines = ["Bytes of a batch to the database, from it, and of its log (WAL):", ""]
    loads = {"accept": "accept", "burst": "until `COMPLETE`", "paced": "paced"}
    heads = ["form", *(f"{label}: {what}" for label in loads.values() for what in _FLOWS.values())]

    def cells(one: Mapping[str, float]) -> list[str]:
        return [f"{one[f'{load}_{flow}']:,.0f}" for load in loads for flow in _FLOWS]

    return [*lines, *_table(heads, _of_database(forms), cells)]


_FLOWS = {"sent": "to", "received": "from", "wal": "WAL"}


def _rows_kept(forms: Mapping[str, Mapping[str, float]]) -> list[str]:
    one = forms[_named(_FILES, NODES[0])]
    moments = {
        "accepted": "just accepted",
        "complete": "`COMPLETE`",
        "packed": "`COMPLETE`, after `VACUUM FULL`",
    }
    lines = ["Bytes in the database a batch (one node, archive in a directory):", ""]
    heads = ["", "`batches`: row", "indices", "`idempotency`: row", "indices"]
    columns = ("batches", "batches_indices", "idempotency", "idempotency_indices")
    rows = [
        [label, *(f"{one[f'{moment}_{column}']:,.0f}" for column in columns)]
        for moment, label in moments.items()
    ]
    archive = one["landing_bytes"] / RECORDS
    return [
        *lines,
        *markdown_table(heads, rows),
        f"In the archive a record of 1 KB takes {archive:,.0f} bytes, compressed.",
        "",
    ]


def _bucket(forms: Mapping[str, Mapping[str, float]]) -> list[str]:
    marked = {name: one for name, one in forms.items() if name.startswith(_BUCKET)}
    kinds = sorted({key for one in marked.values() for key in one if key.startswith("requests ")})
    heads = ["form", *(f"`{kind.removeprefix('requests ')}`" for kind in kinds)]
    lines = ["Requests to the bucket a batch of 1,000 records, until `COMPLETE`:", ""]
    return [
        *lines,
        *_table(heads, marked, lambda one: [f"{one.get(kind, 0.0):.2f}" for kind in kinds]),
    ]


def _of_database(forms: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    return {name: one for name, one in forms.items() if name != SQLITE}


def _table(
    heads: list[str],
    forms: Mapping[str, Mapping[str, float]],
    cells: Callable[[Mapping[str, float]], list[str]],
) -> list[str]:
    return markdown_table(heads, ([name, *cells(one)] for name, one in forms.items()))


def _rows(forms: Mapping[str, Mapping[str, float]]) -> list[FigureRow]:
    sqlite = forms[SQLITE]
    one, four = (forms[_named(_FILES, nodes)] for nodes in (NODES[0], NODES[-1]))
    bucket = forms[_named(_BUCKET, NODES[0])]

    def beside(what: str, form: Mapping[str, float], where: str) -> FigureRow:
        return FigureRow(
            what=f"Accept to `LANDED`, {where}, one and one",
            figure=format_rate(form[what]),
            beside=f"SQLite: {format_rate(sqlite[what])}",
            ratio=form[what] / sqlite[what],
        )

    return [
        FigureRow(
            what="Small requests on PostgreSQL, one API process",
            figure=f"{one['requests_rate']:,.0f}/s",
            beside=f"SQLite, two: {sqlite['requests_rate']:,.0f}/s",
            ratio=one["requests_rate"] / sqlite["requests_rate"],
        ),
        *(
            FigureRow(
                what=f"Statements to accept a batch on PostgreSQL, {label}",
                figure=f"{one[f'{load}_statements']:.2f}",
                target=f"≤ {_TARGET_STATEMENTS}",
                met=one[f"{load}_statements"] <= _TARGET_STATEMENTS,
            )
            for load, label in (
                ("alone", "one at a time"),
                ("accept", f"{CONNECTIONS} at a time"),
            )
        ),
        FigureRow(
            what="Statements of a paced batch until `COMPLETE`, four workers",
            figure=f"{four['paced_statements']:.0f}",
            beside=f"one worker: {one['paced_statements']:.0f}",
            ratio=four["paced_statements"] / one["paced_statements"],
        ),
        beside("landed_rate", one, "PostgreSQL"),
        beside("landed_rate", bucket, "PostgreSQL and S3"),
    ]
