"""Searching what was said, over HTTP, among very many utterances."""

import itertools
import random
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.bodies import Prose, words
from bench.client import Connection, request_head
from bench.driver import quantile
from bench.lake_fill import RecordSource, run_until_idle
from bench.processes import SERVER_SETTINGS, workspace
from bench.section import FigureRow, ReportSection, format_count, format_ms, markdown_table
from everlake.lake import Lake
from everlake.model.records import ArrivedRecord
from everlake.model.utterances import RecordUtterances, Utterance
from everlake.tables.local_backend import LocalTableBackend
from tests.support.server import running_server

UTTERANCES = 1_000_000
_PER_RECORD = 4
_PORTION = 10_000
_TEXT = 90
_UPKEEP_SECONDS = 10.0
_TYPES = ("message", "email", "call", "document")
_SOURCES = ("api", "slack", "zendesk")
_WHEN = {"load": "right after the load", "upkeep": "after upkeep"}


def measure(*, quick: bool, utterances: int | None = None) -> dict[str, Any]:
    """Seconds of each answer, by kind of query, right after the load and after upkeep."""
    utterances = utterances or (4_000 if quick else UTTERANCES)
    rounds = 2 if quick else 20
    result: dict[str, Any] = {"utterances": utterances, "rounds": rounds}
    with workspace() as (data, setup):
        lake = Lake(LocalTableBackend(data))
        started = time.perf_counter()
        steps = _load(lake, setup["workspace_id"], utterances // _PER_RECORD)
        result["load_seconds"] = time.perf_counter() - started
        with running_server("api", data, SERVER_SETTINGS) as server:
            # Once: rows outside the index are read one by one, which may take a second a query.
            result["load"] = _ask_all(server.port, setup["api_key"], 1)
            started = time.perf_counter()
            steps += run_until_idle(lambda: lake.engine.maintain(setup["workspace_id"]))
            result["upkeep_seconds"] = time.perf_counter() - started
            _ask_all(server.port, setup["api_key"], 1)  # opens the new parts of the index
            result["upkeep"] = _ask_all(server.port, setup["api_key"], rounds)
        result["upkeep_steps"] = steps
    return result


def _load(lake: Lake, workspace_id: str, records: int) -> int:
    """Land and analyse as the worker does, with its upkeep every few seconds; upkeep's steps."""
    rows = RecordSource(0)
    tidied, steps = time.perf_counter(), 0
    for first in range(0, records, _PORTION):
        arrived = rows.new(min(_PORTION, records - first))
        lake.records.merge(workspace_id, arrived)
        lake.utterances.write(workspace_id, _analysed(arrived, first))
        if time.perf_counter() - tidied > _UPKEEP_SECONDS:
            steps += len(lake.engine.maintain(workspace_id))
            tidied = time.perf_counter()
    return steps


def _analysed(arrived: list[ArrivedRecord], seed: int) -> list[RecordUtterances]:
    texts = Prose(seed).texts(len(arrived) * _PER_RECORD, _TEXT)
    return [
        RecordUtterances(
            record_id=row.record_id,
            version=row.version,
            batch_id=row.batch_id,
            source=_SOURCES[number % len(_SOURCES)],
            record_type=_TYPES[number % len(_TYPES)],
            event_at=row.event_at,
            product_id=row.product_id,
            project_ids=row.project_ids,
            utterances=[
                Utterance(text=text, speaker="Ada Nilsson", role="external")
                for text in texts[number * _PER_RECORD : (number + 1) * _PER_RECORD]
            ],
        )
        for number, row in enumerate(arrived)
    ]


def queries() -> dict[str, list[dict[str, str]]]:
    """Fifty queries by kind, from words that nearly every utterance has to ones that few have."""
    by_frequency = words()
    common, middling, rare = by_frequency[:10], by_frequency[300:310], by_frequency[12_000:12_010]
    return {
        "a very common word": [{"q": word} for word in common],
        "a middling word": [{"q": word} for word in middling],
        "a rare word": [{"q": word} for word in rare],
        "three words": [
            {"q": " ".join(three)} for three in zip(common, middling, rare, strict=True)
        ],
        "a phrase of common words": [
            {"q": f'"{first} {second}"'} for first, second in itertools.pairwise(common)
        ],
        "a middling word, filtered": [
            {"q": word, "type": "email", "source": "slack"} for word in middling[:5]
        ],
    }


def _ask_all(port: int, api_key: str, rounds: int) -> dict[str, list[float]]:
    connection = Connection(port)
    asked = [
        (kind, request_head("GET", f"/api/v1/search?{urlencode(query)}", {"x-api-key": api_key}))
        for kind, some in queries().items()
        for query in some
    ]
    source = random.Random(0)
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        source.shuffle(asked)
        for kind, head in asked:
            started = time.perf_counter()
            answer = connection.get(head)
            seconds = time.perf_counter() - started
            if answer.status != 200:
                raise RuntimeError(f"{kind}: {answer.status} {answer.body[:500].decode()}")
            times.setdefault(kind, []).append(seconds)
    connection.close()
    return times


def describe(result: dict[str, Any], folder: Path) -> ReportSection:  # noqa: ARG001 - as of every part
    """The figures in words."""
    every = {
        when: [seconds for times in result[when].values() for seconds in times] for when in _WHEN
    }
    intro = f"""
    `GET /api/v1/search` for its first 20 results among {format_count(result["utterances"])}
    utterances
    of about {_TEXT} characters ({_PER_RECORD} a record), whose words are as frequent as in
    natural language. Fifty queries in changing order over one connection: once right after the
    load, when the newest rows are in no index yet, and {result["rounds"]} times after upkeep.
    Loading took {result["load_seconds"]:.0f} s with the worker's own calls and its upkeep every
    {_UPKEEP_SECONDS:.0f} s; after it, upkeep had {result["upkeep_seconds"]:.0f} s of work left.
    """
    lines = [
        *markdown_table(
            [
                "query",
                *(f"{label}: {figure}" for label in _WHEN.values() for figure in ("p50", "p99")),
            ],
            [
                *(_cells(kind, [result[when][kind] for when in _WHEN]) for kind in queries()),
                _cells("all", [every[when] for when in _WHEN]),
            ],
        ),
    ]
    rows = [
        FigureRow(
            what=f"Search among {format_count(result['utterances'])} utterances, {label}",
            figure=f"p50 {format_ms(quantile(every[when], 0.5))}, "
            f"p99 {format_ms(quantile(every[when], 0.99))}",
        )
        for when, label in _WHEN.items()
    ]
    return ReportSection(title="Search", intro=intro, rows=rows, lines=lines)


def _cells(kind: str, all_times: list[list[float]]) -> list[str]:
    shown = [format_ms(quantile(times, share)) for times in all_times for share in (0.5, 0.99)]
    return [kind, *shown]
