"""Pages of the batch list: a workspace with few batches beside one with very many."""

import random
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import msgspec

from bench.client import Connection, request_head
from bench.driver import quantile
from bench.processes import SERVER_SETTINGS, workspace
from bench.section import FigureRow, ReportSection, format_count, format_ms, markdown_table
from everlake.api.cursors import CursorCodec
from everlake.catalog import batches, workspaces
from everlake.catalog.opening import open_catalog
from everlake.contract.batches import BatchStatus
from everlake.model.batches import NewBatch
from tests.support.server import running_server

SIZES = (1_000, 1_000_000)
_PER_COMMIT = 10_000
_BETWEEN_MS = 20
_FIRST_MS = 1_767_225_600_000
_TARGET = 1.2
_STATUSES = (BatchStatus.COMPLETE, BatchStatus.FAILED)
_TYPES = ("message", "email", "call", "document")
_SOURCES = ("api", "slack", "zendesk")


class FilledWorkspace(msgspec.Struct, frozen=True):
    """A running server over a filled workspace, and the requests to ask it."""

    batches: int
    connection: Connection
    heads: dict[str, bytes]


def measure(*, quick: bool) -> dict[str, Any]:
    """The time of each kind of page at each size, asked for in turn."""
    sizes = (SIZES[0], 20_000) if quick else SIZES
    rounds = 50 if quick else 1_000
    fill_seconds: dict[int, float] = {}
    with ExitStack() as stack:
        places: list[FilledWorkspace] = []
        for size in sizes:
            data, setup = stack.enter_context(workspace())
            started = time.perf_counter()
            ids = _fill(data, setup, size)
            fill_seconds[size] = time.perf_counter() - started
            server = stack.enter_context(running_server("api", data, SERVER_SETTINGS))
            places.append(FilledWorkspace(size, Connection(server.port), _requests(setup, ids)))
        times: dict[str, dict[int, list[float]]] = {
            kind: {size: [] for size in sizes} for kind in places[0].heads
        }
        for round_number in range(rounds + rounds // 10):
            for kind, by_size in times.items():
                for place in places:
                    seconds = _ask(place, kind)
                    if round_number >= rounds // 10:  # the first ones warm up
                        by_size[place.batches].append(seconds)
        for place in places:
            place.connection.close()
    return {
        "sizes": list(sizes),
        "rounds": rounds,
        "fill_seconds": list(fill_seconds.values()),
        "kinds": {
            kind: {
                "median": [median(by_size[size]) for size in sizes],
                "p99": [quantile(by_size[size], 0.99) for size in sizes],
                "ratio": median(by_size[sizes[1]]) / median(by_size[sizes[0]]),
            }
            for kind, by_size in times.items()
        },
    }


def _ask(place: FilledWorkspace, kind: str) -> float:
    started = time.perf_counter()
    answer = place.connection.get(place.heads[kind])
    seconds = time.perf_counter() - started
    if answer.status != 200 or b'"batchId"' not in answer.body:
        raise RuntimeError(f"{kind}: {answer.status} {answer.body[:500].decode()}")
    return seconds


def _requests(setup: dict[str, str], ids: list[str]) -> dict[str, bytes]:
    """Requests by kind; deep cursors are made as the server makes them."""
    cursors = CursorCodec("batches")

    def head(**query: str) -> bytes:
        path = f"/api/v1/ingest/batches?{urlencode(query)}"
        return request_head("GET", path, {"x-api-key": setup["api_key"]})

    def after(position: int) -> str:
        return cursors.encode(setup["workspace_id"], ids[position])

    return {
        "first page of 20": head(limit="20"),
        "first page of 100": head(limit="100"),
        "page of 20 in the middle": head(limit="20", cursor=after(len(ids) // 2)),
        "page of 20 near the end": head(limit="20", cursor=after(50)),
        "first page of 20, `FAILED` only": head(limit="20", status="FAILED"),
        "page of 20 in the middle, one source": head(
            limit="20", source=_SOURCES[1], cursor=after(len(ids) // 2)
        ),
    }


def _fill(data: Path, setup: dict[str, str], size: int) -> list[str]:
    """Put ``size`` batches into the catalog; their ids, the oldest first."""
    catalog = open_catalog(f"sqlite:///{data / 'everlake.db'}")
    ids: list[str] = []
    made = _batches(setup, size)
    try:
        while len(ids) < size:
            rows = list(islice(made, _PER_COMMIT))
            with catalog.transaction() as tx:
                numbers = workspaces.next_sequences(tx, setup["workspace_id"], len(rows))
                batches.insert(tx, list(zip(rows, numbers, strict=True)))
            ids += [row.id for row in rows]
    finally:
        catalog.close()
    return ids


def _batches(setup: dict[str, str], size: int) -> Iterator[NewBatch]:
    source = random.Random(size)
    for number in range(size):
        created = _FIRST_MS + number * _BETWEEN_MS
        failed = source.random() < 0.02
        yield NewBatch(
            id=_batch_id(created, source),
            workspace_id=setup["workspace_id"],
            status=_STATUSES[failed],
            created_at=created,
            key_id=setup["key_id"],
            source=source.choice(_SOURCES),
            type=source.choice(_TYPES),
            product_id=setup["product_id"],
            accepted=0 if failed else 1_000,
            rejected=1_000 if failed else 0,
            total_errors=0,
            landing_path=None if failed else f"landing/batch-{number}.ndjson.zst",
            landing_bytes=0 if failed else 1_000_000,
        )


def _batch_id(created: int, source: random.Random) -> str:
    """A UUIDv7 (RFC 9562) of a given time, the same in each run."""
    bits = created << 80 | 0x7 << 76 | source.getrandbits(12) << 64 | 0b10 << 62
    return str(uuid.UUID(int=bits | source.getrandbits(62)))


def describe(result: dict[str, Any], folder: Path) -> ReportSection:  # noqa: ARG001 - as of every part
    """The figures in words."""
    few, many = (format_count(size) for size in result["sizes"])
    intro = f"""
    `GET /api/v1/ingest/batches` of a workspace with {few} batches and of one with {many}, each
    in a server of its own, asked in turn over one connection, {result["rounds"]:,} times each.
    """
    lines = [
        *markdown_table(
            ["page", f"{few}: median", "p99", f"{many}: median", "p99", "ratio"],
            [
                [
                    kind,
                    format_ms(one["median"][0]),
                    format_ms(one["p99"][0]),
                    format_ms(one["median"][1]),
                    format_ms(one["p99"][1]),
                    f"{one['ratio']:.2f}",
                ]
                for kind, one in result["kinds"].items()
            ],
        ),
    ]
    rows = [
        FigureRow(
            what=f"List of {many} batches: {kind}",
            figure=format_ms(one["median"][1]),
            beside=f"of {few}: {format_ms(one['median'][0])}",
            ratio=one["ratio"],
            target=f"≤ {_TARGET:g}",
            met=one["ratio"] <= _TARGET,
        )
        for kind, one in result["kinds"].items()
    ]
    return ReportSection(title="List pages", intro=intro, rows=rows, lines=lines)
