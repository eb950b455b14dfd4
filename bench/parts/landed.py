"""A lone batch: from its 202 until it is ``LANDED`` and ``COMPLETE``, as a client sees it."""

import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.processes import QUIET, workspace
from bench.section import Row, Section, ms, table
from tests.integration.server import Api, running

_ASK_SECONDS = 0.005
_PAUSE_SECONDS = 0.2
_TARGET_SECONDS = 1.0


def measure(*, quick: bool) -> dict[str, Any]:
    """Seconds to each status, one batch after another."""
    tries = 3 if quick else 30
    landed: list[float] = []
    complete: list[float] = []
    with workspace() as (data, setup), running("serve", data, QUIET) as server:
        api = Api(server.url, setup)
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


def describe(result: dict[str, Any], folder: Path) -> Section:  # noqa: ARG001 - as of every part
    """The figures in words."""
    landed, complete = result["landed"], result["complete"]
    intro = f"""
    From its 202 until a client that asks every {ms(_ASK_SECONDS)} sees it, {len(landed)}
    batches one after another. The first of all makes the tables and their indices.
    """
    lines = [
        *table(
            ["until", "the first", "median", "longest"],
            [
                ["`LANDED`", ms(landed[0]), ms(median(landed)), ms(max(landed))],
                ["`COMPLETE`", ms(complete[0]), ms(median(complete)), ms(max(complete))],
            ],
        ),
    ]
    row = Row(
        what="A lone batch is `LANDED` after its 202",
        figure=f"{ms(median(landed))}, longest {ms(max(landed))}",
        target="< 1 s",
        met=max(landed) < _TARGET_SECONDS,
    )
    return Section(title="A lone batch", intro=intro, rows=[row], lines=lines)
