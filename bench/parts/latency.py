"""One client at its rate limit, with the largest bodies, while the worker works."""

from pathlib import Path
from typing import Any

from bench import plots
from bench.batch_progress import progress_curves, wait_until_complete
from bench.bodies import RECORDS, write_bodies
from bench.driver import quantile, run_load
from bench.processes import SERVER_SETTINGS, fresh_directory, ingest_headers, workspace
from bench.section import FigureRow, ReportSection, format_ms, markdown_table
from tests.support.server import running_server

SIZE = 5_000
RATE = 10.0
_CONNECTIONS = 32
_BACKLOG_BODIES = 40
_TARGET_SECONDS = 0.050
_SHARES = [number / 1_000 for number in range(1_000)]
_WITHIN_SECONDS = 600.0


def measure(*, quick: bool) -> dict[str, Any]:
    """Seconds from each request's due time to its answer."""
    requests, backlog = (20, 2) if quick else (600, _BACKLOG_BODIES)
    with fresh_directory() as folder, workspace() as (data, setup):
        files = write_bodies(folder, "json", SIZE, backlog)
        with running_server("serve", data, SERVER_SETTINGS) as server:
            # Something for the worker to do from the first request on.
            run_load(server.port, "/api/v1/ingest", ingest_headers(setup), files, connections=4)
            load = run_load(
                server.port,
                "/api/v1/ingest",
                ingest_headers(setup),
                files,
                requests=requests,
                connections=_CONNECTIONS,
                rate=RATE,
                expect=f'"acceptedCount":{RECORDS},"rejectedCount":0',
            )
            wait_until_complete(data, setup["workspace_id"], backlog + requests, _WITHIN_SECONDS)
        curves = progress_curves(data, setup["workspace_id"], load.started_at)
    worked = sum(1 for seconds, _ in curves.complete if 0 < seconds <= load.seconds)
    return {
        "requests": requests,
        "backlog": backlog,
        "latencies": load.latencies,
        "completed_meanwhile": worked,
        "complete_after": curves.complete[-1][0] - load.seconds,
    }


def describe(result: dict[str, Any], folder: Path) -> ReportSection:
    """The figures in words, and how the answers' times are spread."""
    latencies = result["latencies"]
    points = [(quantile(latencies, share) * 1000, share * 100) for share in _SHARES]
    plots.lines(
        {"Everlake": points},
        x="milliseconds from the due time to the answer",
        y="% of requests",
        file=folder / "latency.svg",
    )
    p50, p99, longest = (quantile(latencies, share) for share in (0.5, 0.99, 1.0))
    intro = f"""
    {result["requests"]} requests of {RECORDS:,} records of {SIZE // 1000} KB (5 MB a body),
    {RATE:g} a second, which is the contract's limit for a key. The clock of each starts when it
    was due, not when it could be sent, so that a stall counts against every request it held up.
    The worker had {result["backlog"]} such batches waiting at the start; it completed
    {result["completed_meanwhile"]:,} while the requests came, and the last
    {result["complete_after"]:.0f} s after them.
    """
    lines = [
        *markdown_table(
            ["p50", "p90", "p99", "longest"],
            [[format_ms(quantile(latencies, share)) for share in (0.5, 0.9, 0.99, 1.0)]],
        ),
        "![Answers' times](latency.svg)",
        "",
    ]
    row = FigureRow(
        what="Answer to 5 MB, 10 requests a second, worker at work",
        figure=f"p50 {format_ms(p50)}, p99 {format_ms(p99)}, longest {format_ms(longest)}",
        target=f"p99 < {format_ms(_TARGET_SECONDS)}",
        met=p99 < _TARGET_SECONDS,
    )
    return ReportSection(title="One client at its limit", intro=intro, rows=[row], lines=lines)
