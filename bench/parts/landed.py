"""A lone batch: from its 202 until it is ``LANDED`` and ``COMPLETE``, as a client sees it."""

import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.processes import SERVER_SETTINGS, workspace
from bench.section import FigureRow, ReportSection, format_ms, markdown_table
from tests.support.server import ApiClient, running_server

_ASK_SECONDS = 0.005
_PAUSE_SECONDS = 0.2
_TARGET_SECONDS = 1.0


def measure(*, quick: bool) -> dict[str, Any]:
    """Seconds to each status, one batch after another."""
    tries = 3 if quick else 30
    landed: list[float] = []
    complete: list[float] = []
    with workspace() as (data, setup), running_server("serve", data, SERVER_SETTINGS) as server:
        api = ApiClient(server.url, setup)
        for number in range(tries):
            batch_id = api.accept(api.record(_vendor_ids={"id": str(number)}))
            started = time.perf_counter()
            status = "LANDING"
            while status != "COMPLETE":
                status = api.batch(batch_id)["status"]
                if status != "LANDING" and len(landed) <= number:
                    landed.append(time.perf_counter() - started)
                time.sleep(_ASK_SECONDS)
            complete.append(time.perf_counter() - started)
            time.sleep(_PAUSE_SECONDS)
        api.http.close()
    return {"landed": landed, "complete": complete}


def describe(result: dict[str, Any], folder: Path) -> ReportSection:  # noqa: ARG001 - as of every part
    """The figures in words."""
    landed, complete = result["landed"], result["complete"]
    intro = f"""
    From its 202 until a client that asks every {format_ms(_ASK_SECONDS)} sees it, {len(landed)}
    batches one after another. The first of all makes the tables and their indices.
    """
    lines = [
        *markdown_table(
            ["until", "the first", "median", "longest"],
            [
                [
                    "`LANDED`",
                    format_ms(landed[0]),
                    format_ms(median(landed)),
                    format_ms(max(landed)),
                ],
                [
                    "`COMPLETE`",
                    format_ms(complete[0]),
                    format_ms(median(complete)),
                    format_ms(max(complete)),
                ],
            ],
        ),
    ]
    row = FigureRow(
        what="A lone batch is `LANDED` after its 202",
        figure=f"{format_ms(median(landed))}, longest {format_ms(max(landed))}",
        target="< 1 s",
        met=max(landed) < _TARGET_SECONDS,
    )
    return ReportSection(title="A lone batch", intro=intro, rows=[row], lines=lines)
