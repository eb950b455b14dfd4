"""Does a data directory hold what its server promised? Independent of how the server wrote it.

The expectation comes from the clients' ledger and the catalog's arrival order alone: batches by
their sequence, records by their index. Everything else is compared with that, byte for byte where
it is ``data``: the archive's objects, the lake's tables as any reader of Lance sees them, the
search, and, where a server runs, its API's answers.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple, TypeVar

import lance
import msgspec

from everlake.catalog import batches, workspaces
from everlake.catalog.opening import open_catalog
from everlake.contract.batches import BatchStatus
from everlake.contract.record_identity import record_id, record_version
from everlake.lake import Lake, LakeError
from everlake.lake.opening import open_lake
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.landing.accepted import decode_accepted
from everlake.landing.compression import decompress
from everlake.landing.errors import LandingDamaged
from everlake.model.batches import BatchRow
from everlake.search import search
from everlake.storage import ObjectMissing, ObjectStore, object_store_options, open_store
from everlake.storage.local import LocalStore
from tests.faults.batch_counts import sqlite_in
from tests.faults.ledger import Ledger, SentRecord
from tests.support.server import ApiClient

T = TypeVar("T")

_EVENT_AT = "2026-03-01T10:00:00Z"
_PAGE = 500
_API_PAGE = 100
_LOOKED_UP = 80
_OLD_WORDS = 50


class Arrival(NamedTuple):
    """One accepted record, with the version that its place in the arrival order gives it."""

    version: int
    batch_id: str
    sent: SentRecord


class FoundRecord(NamedTuple):
    """A record as a reader finds it."""

    record_id: str
    version: int
    batch_id: str
    data: bytes


Arrivals = dict[str, list[Arrival]]
"""Every acknowledged arrival of each record, in the order of arrival."""


def problems(
    data: Path,
    workspace_id: str,
    ledger: Ledger,
    api: ApiClient | None = None,
    *,
    catalog: str | None = None,
    storage: str | None = None,
) -> list[str]:
    """Everything in which the data directory differs from what was promised; nothing is best.

    May be called while the server runs, when no client sends and it has nothing left to do.

    Args:
        data: the data directory.
        workspace_id: the workspace that the clients send to.
        ledger: what they were promised.
        api: a running server's, to be asked as well.
        catalog: the database's URL, where it is not in the data directory.
        storage: the URL of the archive and the tables, where that is not the data directory.
    """
    database, url = catalog or sqlite_in(data), storage or data.as_uri()
    rows, last_sequence = _rows(database, workspace_id)
    found = [*_promise_problems(rows, ledger), *_unfinished_problems(rows, ledger)]
    if last_sequence != len(rows):
        found.append(f"sequences: {len(rows)} batches, and the workspace says {last_sequence}")
    found += _landing_problems(open_store(url), rows, ledger)
    arrivals = _arrivals(rows, ledger)
    try:
        with closing(open_catalog(database)) as opened:
            found += _lake_problems(open_lake(url, opened), workspace_id, arrivals)
    except (LakeError, OSError, ValueError) as error:
        found.append(f"unreadable: {error}")
    if api is not None:
        found += _record_problems("api", _api_records(api), arrivals)
    return found


def promise_problems(
    data: Path, workspace_id: str, ledger: Ledger, *, catalog: str | None = None
) -> list[str]:
    """What the catalog alone shows of broken promises; at any time, whoever is at work."""
    promised = ledger.of(ledger.ids())
    return list(_promise_problems(_rows(catalog or sqlite_in(data), workspace_id)[0], promised))


def archive_problems(
    data: Path, workspace_id: str, ledger: Ledger, promised: Collection[str]
) -> list[str]:
    """Return what a 202 promised and the archive lacks: the batch, or some of its records.

    Args:
        data: the data directory, of which the lake is not looked at.
        workspace_id: the workspace that the clients send to.
        ledger: every request that was ever sent.
        promised: the batches that must be there; others may be.
    """
    rows, _ = _rows(sqlite_in(data), workspace_id)
    expected = ledger.of({*promised, *(row.id for row in rows)})
    return [
        *_promise_problems(rows, expected),
        *_landing_problems(LocalStore(data), rows, expected),
    ]


def batch_ids(data: Path, workspace_id: str) -> set[str]:
    """Every batch in the catalog."""
    return {row.id for row in _rows(sqlite_in(data), workspace_id)[0]}


def _rows(url: str, workspace_id: str) -> tuple[list[BatchRow], int]:
    """Every batch in the order of arrival, and the last sequence that was given out."""
    rows: list[BatchRow] = []
    catalog = open_catalog(url)
    try:
        with catalog.snapshot() as tx:
            workspace = workspaces.get(tx, workspace_id)
            while page := batches.page(
                tx, workspace_id, limit=_PAGE, before=rows[-1].id if rows else None
            ):
                rows += page
    finally:
        catalog.close()
    rows.sort(key=lambda row: row.sequence)
    return rows, workspace.last_sequence if workspace is not None else -1


def _promise_problems(rows: list[BatchRow], ledger: Ledger) -> Iterator[str]:
    known = {row.id: row for row in rows}
    for batch_id, records in ledger.batches.items():
        row = known.get(batch_id)
        if row is None:
            yield f"lost batch: {batch_id} got a 202 and is not in the catalog"
            continue
        if row.status is BatchStatus.FAILED:
            yield f"failed batch: {batch_id}: {row.failure}"
        if (row.accepted, row.rejected) != (len(records), len(ledger.refused[batch_id])):
            yield f"batch count: {batch_id} has {row.accepted} of {len(records)} records"
    if [row.sequence for row in rows] != list(range(1, len(rows) + 1)):
        yield f"sequences: {[row.sequence for row in rows]}"
    for client, sent in ledger.clients.items():
        for earlier, later in pairwise(known[one] for one in sent if one in known):
            if earlier.sequence > later.sequence:
                yield f"order: client {client} got its 202 for {earlier.id} before {later.id}"


def _unfinished_problems(rows: list[BatchRow], ledger: Ledger) -> Iterator[str]:
    for row in rows:
        if row.id not in ledger.batches:
            yield f"unknown batch: {row.id} is in the catalog, and no client got its 202"
        if row.status is not BatchStatus.COMPLETE:
            yield f"batch not complete: {row.id} is {row.status}: {row.failure}"


def _arrivals(rows: list[BatchRow], ledger: Ledger) -> Arrivals:
    arrivals: Arrivals = {}
    for row in rows:
        for index, sent in enumerate(ledger.batches.get(row.id, [])):
            name = record_id("message", {"id": sent.name, "from": "chaos"}, _EVENT_AT)
            version = record_version(row.sequence, index)
            arrivals.setdefault(name, []).append(Arrival(version, row.id, sent))
    return arrivals


def _landing_problems(store: ObjectStore, rows: list[BatchRow], ledger: Ledger) -> Iterator[str]:
    for row in rows:
        sent = [record.data.encode() for record in ledger.batches.get(row.id, [])]
        refused = ledger.refused.get(row.id, [])
        try:
            landed = _landed_data(store.get(row.landing_path or "none"))
            kept = decompress(store.get(row.rejected_path or "none")) if refused else b""
        except (ObjectMissing, LandingDamaged) as error:
            yield f"landing object of {row.id}: {error}"
            continue
        if landed != sent:
            yield f"landing object of {row.id}: its data is not what was sent"
        if [json.loads(line)["payload"] for line in kept.splitlines()] != refused:
            yield f"refused records of {row.id}: they are not what was sent"


@lru_cache(maxsize=1_000)
def _landed_data(blob: bytes) -> list[bytes]:
    """The ``data`` of a landing object's records; many images hold the same objects."""
    return [record.data for record in decode_accepted(decompress(blob), sequence=1)]


def _lake_problems(lake: Lake, workspace_id: str, arrivals: Arrivals) -> Iterator[str]:
    yield from _record_problems("table", _table_records(lake, workspace_id), arrivals)
    yield from _record_problems("lake's pages", _paged_records(lake, workspace_id), arrivals)
    yield from _lookup_problems(lake, workspace_id, arrivals)
    yield from _search_problems(lake, workspace_id, arrivals)


def _table_records(lake: Lake, workspace_id: str) -> Iterator[FoundRecord]:
    """As any reader of Lance sees them: all rows, by no index."""
    table = lake.engine.table(workspace_id, RECORDS_TABLE)
    now = table.latest()
    if now is None:
        return
    options = object_store_options() if table.uri.startswith("s3:") else None
    plain = lance.dataset(table.uri, version=now.version, storage_options=options)
    for row in plain.to_table(columns=list(FoundRecord._fields)).to_pylist():
        yield FoundRecord(**{**row, "data": row["data"].encode()})


def _paged_records(lake: Lake, workspace_id: str) -> Iterator[FoundRecord]:
    before = None
    while True:
        page = lake.records.page(workspace_id, limit=_PAGE, before_version=before)
        for one in page.records:
            yield FoundRecord(one.record_id, one.version, one.batch_id, one.data)
        if page.next_before is None:
            return
        before = page.next_before


class _Member(msgspec.Struct):
    recordId: str  # noqa: N815 - the wire's name
    version: int
    batchId: str  # noqa: N815
    data: msgspec.Raw


class _Page(msgspec.Struct):
    records: list[_Member]
    nextCursor: str | None  # noqa: N815


def _api_records(api: ApiClient) -> Iterator[FoundRecord]:
    cursor: dict[str, str] = {}
    while True:
        answer = api.http.get("/api/v1/records", params={"limit": _API_PAGE, **cursor})
        assert answer.status_code == 200, answer.text
        page = msgspec.json.decode(answer.content, type=_Page)
        for one in page.records:
            yield FoundRecord(one.recordId, one.version, one.batchId, bytes(one.data))
        if page.nextCursor is None:
            return
        cursor = {"cursor": page.nextCursor}


def _record_problems(
    place: str, records: Iterable[FoundRecord], arrivals: Arrivals
) -> Iterator[str]:
    """Each record is there once, as it was last acknowledged, byte for byte."""
    stored = list(records)
    for name, count in Counter(record.record_id for record in stored).items():
        if count > 1:
            yield f"double: record {name} is in the {place} {count} times"
        if name not in arrivals:
            yield f"stranger: record {name} in the {place} was never sent"
    current = {record.record_id: record for record in stored}
    for name, all_arrivals in arrivals.items():
        last = all_arrivals[-1]
        record = current.get(name)
        if record is None:
            yield f"lost record: {name}, last sent in batch {last.batch_id}, is not in the {place}"
            continue
        if (record.version, record.batch_id) != (last.version, last.batch_id):
            yield f"stale: record {name} in the {place} is {record.version}, not {last.version}"
        if record.data != last.sent.data.encode():
            yield f"data: record {name} in the {place} is not byte for byte what was sent"


def _lookup_problems(lake: Lake, workspace_id: str, arrivals: Arrivals) -> Iterator[str]:
    """Look up a sample by id, through the index."""
    for name, all_arrivals in _sample(arrivals.items(), _LOOKED_UP):
        record = lake.records.get(workspace_id, name)
        if record is None or record.version != all_arrivals[-1].version:
            yield f"index: record {name} is not found by its id as it was last sent"
        expected = [(one.version, one.batch_id) for one in all_arrivals]
        if lake.arrivals.batches_of_record(workspace_id, name) != expected:
            yield f"arrivals: record {name} has not the batches that it came in"


def _search_problems(lake: Lake, workspace_id: str, arrivals: Arrivals) -> Iterator[str]:
    for name, all_arrivals in _sample(arrivals.items(), _LOOKED_UP):
        last = all_arrivals[-1]
        hits = search(lake, workspace_id, last.sent.word, limit=5).hits
        if [(hit.record_id, hit.version) for hit in hits] != [(name, last.version)]:
            yield f"search: {last.sent.word} finds {len(hits)} and not record {name} once"
    old = [one.sent.word for all_arrivals in arrivals.values() for one in all_arrivals[:-1]]
    for word in _sample(old, _OLD_WORDS):
        if search(lake, workspace_id, word, limit=5).hits:
            yield f"search: {word} of a replaced version is found"


def _sample(of: Collection[T], most: int) -> Iterable[T]:
    """About ``most`` of them, from the first to the last."""
    return islice(of, 0, None, max(1, len(of) // most))
