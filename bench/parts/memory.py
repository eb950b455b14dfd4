"""Memory when it is hard pressed: 64 bodies of 5 MB at once, and a worker that takes them in."""

from pathlib import Path
from typing import Any

import msgspec

from bench.batch_progress import wait_until_complete
from bench.bodies import RECORDS, write_bodies
from bench.driver import run_load
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
    format_megabytes,
    markdown_table,
    memory_cells,
)
from tests.support.server import running_server

SIZE = 5_000
CONNECTIONS = 64
_TARGETS = {"api": 400e6, "worker": 1e9}
_WITHIN_SECONDS = 600.0


def measure(*, quick: bool) -> dict[str, Any]:
    """Peaks of the API while it accepts, and of the worker until all is complete."""
    files_count, requests = (8, 64) if quick else (32, 256)
    with fresh_directory() as folder, workspace() as (data, setup):
        files = write_bodies(folder, "json", SIZE, files_count)
        with (
            running_server("serve", data, SERVER_SETTINGS) as server,
            ResourceSampler(server) as watch,
        ):
            run_load(
                server.port,
                "/api/v1/ingest",
                ingest_headers(setup),
                files,
                requests=requests,
                connections=CONNECTIONS,
                expect=f'"acceptedCount":{RECORDS},"rejectedCount":0',
            )
            wait_until_complete(data, setup["workspace_id"], requests, _WITHIN_SECONDS)
    return {
        "requests": requests,
        "processes": msgspec.to_builtins(watch.uses),
    }


def describe(result: dict[str, Any], folder: Path) -> ReportSection:  # noqa: ARG001 - as of every part
    """The figures in words."""
    uses = result["processes"]
    intro = f"""
    {result["requests"]} bodies of 5 MB over {CONNECTIONS} connections at once, then the
    worker's landing and indexing of them, until all are `COMPLETE`. RSS is the kernel's own
    high-water mark and counts files that are mapped; anonymous memory and the proportional
    share (PSS) are sampled.
    """
    lines = [
        *markdown_table(
            ["role", "processes", *MEMORY_HEADS],
            [
                [role, str(use["processes"]), *memory_cells(use)]
                for role, use in sorted(uses.items())
            ],
        ),
    ]
    labels = {
        "api": f"Peak memory of an API process, {CONNECTIONS} bodies of 5 MB at once",
        "worker": "Peak memory of the worker, landing and indexing",
    }
    rows = [
        FigureRow(
            what=label,
            figure=f"RSS {format_megabytes(uses[name]['largest'])}{_together(uses[name])}",
            target=f"≤ {format_megabytes(_TARGETS[name])}",
            met=uses[name]["largest"] <= _TARGETS[name],
        )
        for name, label in labels.items()
    ]
    return ReportSection(title="Memory", intro=intro, rows=rows, lines=lines)


def _together(use: dict[str, Any]) -> str:
    if use["processes"] == 1:
        return ""
    return f" ({use['processes']} processes: {format_megabytes(use['resident'])})"
