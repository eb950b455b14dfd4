"""A small batch of one workspace, while a client of another one, or a stranger, attacks."""

import json
import tempfile
import time
from contextlib import closing, nullcontext
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench import plots
from bench.driver import quantile
from bench.processes import ResourceSampler
from bench.section import FigureRow, ReportSection, format_megabytes, format_ms, markdown_table
from tests.support.api_workspaces import ApiWorkspaces, running_api
from tests.support.attacks import ATTACKED_SETTINGS, ATTACKS, wait_until_complete
from tests.support.server import ApiClient

_QUIET = "no attack"
_PAUSE = 0.12
"""Seconds between two requests of the victim, within the default rate of a key."""
_SETTINGS = {
    **ATTACKED_SETTINGS,
    "EVERLAKE_LOG_LEVEL": "error",
    "EVERLAKE_API_PROCESSES": "0",
}
_ACCEPTED_SECONDS = 1.0
_LANDED_SECONDS = 10.0


def measure(*, quick: bool) -> dict[str, Any]:
    """Times to the 202 and to the landing under each attack, and the API's memory."""
    requests = 5 if quick else 100
    return {
        "requests": requests,
        "attacks": {name: _measure(name, requests) for name in (_QUIET, *ATTACKS)},
    }


def _measure(name: str, requests: int) -> dict[str, Any]:
    """Attack a server of its own, so that no attack meets what another one has left."""
    with (
        tempfile.TemporaryDirectory() as data,
        running_api("serve", Path(data), _SETTINGS) as home,
        ResourceSampler(home.server) as watch,
    ):
        attacker, victim = home.workspace(), home.workspace()
        with ATTACKS[name](attacker) if name in ATTACKS else nullcontext():
            latencies, landed = _served(home, victim, requests)
    return {
        "latencies": latencies,
        "landed": landed,
        "resident": watch.uses["api"].resident,
    }


def _served(home: ApiWorkspaces, victim: ApiClient, requests: int) -> tuple[list[float], float]:
    """Return the time of each request over a connection of its own, and until the last landed."""
    latencies: list[float] = []
    headers = {"x-api-key": victim.setup["api_key"], "content-type": "application/json"}
    batch_id = ""
    for number in range(requests):
        body = json.dumps(victim.record(_vendor_ids={"id": str(number)}))
        started = time.perf_counter()
        with closing(HTTPConnection("127.0.0.1", home.server.port, timeout=60)) as http:
            http.request("POST", "/api/v1/ingest", body, headers)
            answer = http.getresponse()
            content = answer.read()
        latencies.append(time.perf_counter() - started)
        if answer.status != HTTPStatus.ACCEPTED:
            raise RuntimeError(f"{answer.status}: {content[:200]!r}")
        batch_id = json.loads(content)["batchId"]
        time.sleep(_PAUSE)
    started = time.perf_counter()
    wait_until_complete(victim, batch_id, within=120)
    return latencies, time.perf_counter() - started


def describe(result: dict[str, Any], folder: Path) -> ReportSection:
    """The victim's times beside those without an attack, and how they are spread."""
    attacks: dict[str, dict[str, Any]] = result["attacks"]
    quiet = quantile(attacks[_QUIET]["latencies"], 0.5)
    plots.bars(
        {name: quantile(one["latencies"], 0.99) * 1_000 for name, one in attacks.items()},
        "milliseconds to the 202, 99th percentile",
        folder / "fairness.svg",
    )
    worst = max(attacks, key=lambda name: quantile(attacks[name]["latencies"], 0.99))
    slowest = max(attacks, key=lambda name: attacks[name]["landed"])
    intro = f"""
    {result["requests"]} requests with one small record each, every one over a connection of its
    own, to `everlake serve` with the default limits; meanwhile a client of another workspace, or
    one without a key, does what the row says (`tests/support/attacks.py`). Times include the
    client's, which shares the machine with the attacker and the server.
    """
    lines = [
        *markdown_table(
            ["attack", "p50", "p99", "p50 / no attack", "last one lands in", "memory of the API"],
            [
                [
                    name,
                    format_ms(quantile(one["latencies"], 0.5)),
                    format_ms(quantile(one["latencies"], 0.99)),
                    f"{quantile(one['latencies'], 0.5) / quiet:.1f}",
                    f"{one['landed']:.1f} s",
                    format_megabytes(one["resident"]),
                ]
                for name, one in attacks.items()
            ],
        ),
        "![Times under attack](fairness.svg)",
        "",
    ]
    p99 = quantile(attacks[worst]["latencies"], 0.99)
    landed = attacks[slowest]["landed"]
    rows = [
        FigureRow(
            what=f"p99 of a small batch's 202 under the worst attack ({worst})",
            figure=format_ms(p99),
            beside=f"{format_ms(quantile(attacks[_QUIET]['latencies'], 0.99))} without an attack",
            ratio=p99 / quantile(attacks[_QUIET]["latencies"], 0.99),
            target="1 s",
            met=p99 <= _ACCEPTED_SECONDS,
        ),
        FigureRow(
            what=f"and until it is COMPLETE ({slowest})",
            figure=f"{landed:.1f} s",
            beside=f"{attacks[_QUIET]['landed']:.1f} s without an attack",
            target="10 s",
            met=landed <= _LANDED_SECONDS,
        ),
    ]
    return ReportSection(title="Fairness", intro=intro, rows=rows, lines=lines)
