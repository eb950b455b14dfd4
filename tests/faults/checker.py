"""Does a data directory hold what its server promised? Independent of how the server wrote it.

The expectation comes from the clients' ledger and the catalog's arrival order alone: batches by
their sequence, records by their index. Everything else is compared with that.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from everlake.catalog import batches, workspaces
from everlake.catalog.batches import BatchRow
from everlake.catalog.engine import Catalog
from everlake.contract.batch import BatchStatus
from everlake.contract.identity import record_id, record_version
from everlake.lake import Lake, StoredRecord
from everlake.landing.lines import LandingDamaged, decode_accepted, decompress
from everlake.search import search
from everlake.storage import ObjectMissing
from everlake.storage.local import LocalStore
from tests.faults.ledger import Ledger, SentRecord

_EVENT_AT = "2026-03-01T10:00:00Z"
_PAGE = 500
_OLD_WORDS = 50


@dataclass(frozen=True)
class Arrival:
    """One accepted record, with the version that its place in the arrival order gives it."""

    version: int
    batch_id: str
    sent: SentRecord


def problems(data: Path, workspace_id: str, ledger: Ledger) -> list[str]:
    """Everything in which the data directory differs from what was promised; nothing is best.

    May be called while the server runs, when it has nothing left to do.
    """
    catalog = Catalog.open(f"sqlite:///{data / 'everlake.db'}")
    try:
        rows = _rows(catalog, workspace_id)
        with catalog.read() as tx:
            workspace = workspaces.get(tx, workspace_id)
    finally:
        catalog.close()
    found = list(_batch_problems(rows, ledger))
    if workspace is None or workspace.last_sequence != len(rows):
        found.append(f"sequences: {len(rows)} batches, and the workspace says {workspace}")
    arrivals = _arrivals(rows, ledger)
    lake = Lake(data)
    found += _landing_problems(LocalStore(data), rows, ledger)
    found += _record_problems(lake, workspace_id, arrivals)
    found += _search_problems(lake, workspace_id, arrivals)
    return found


def _rows(catalog: Catalog, workspace_id: str) -> list[BatchRow]:
    rows: list[BatchRow] = []
    with catalog.read() as tx:
        while page := batches.page(
            tx, workspace_id, limit=_PAGE, before=rows[-1].id if rows else None
        ):
            rows += page
    return sorted(rows, key=lambda row: row.sequence)


def _batch_problems(rows: list[BatchRow], ledger: Ledger) -> Iterator[str]:
    known = {row.id: row for row in rows}
    for batch_id, records in ledger.batches.items():
        row = known.get(batch_id)
        if row is None:
            yield f"lost batch: {batch_id} got a 202 and is not in the catalog"
            continue
        if row.status is not BatchStatus.COMPLETE:
            yield f"batch not complete: {batch_id} is {row.status}: {row.failure}"
        if row.accepted != len(records):
            yield f"batch count: {batch_id} has {row.accepted} of {len(records)} records"
    for batch_id in known.keys() - ledger.batches.keys():
        yield f"unknown batch: {batch_id} is in the catalog, and no client got its 202"
    if [row.sequence for row in rows] != list(range(1, len(rows) + 1)):
        yield f"sequences: {[row.sequence for row in rows]}"


def _arrivals(rows: list[BatchRow], ledger: Ledger) -> dict[str, list[Arrival]]:
    """Every acknowledged arrival of each record, in the order of arrival."""
    arrivals: dict[str, list[Arrival]] = {}
    for row in rows:
        for index, sent in enumerate(ledger.batches.get(row.id, [])):
            name = record_id("message", {"id": sent.name, "from": "chaos"}, _EVENT_AT)
            version = record_version(row.sequence, index)
            arrivals.setdefault(name, []).append(Arrival(version, row.id, sent))
    return arrivals


def _landing_problems(store: LocalStore, rows: list[BatchRow], ledger: Ledger) -> Iterator[str]:
    for row in rows:
        try:
            lines = decompress(store.get(row.landing_path or "none"))
            landed = decode_accepted(lines, row.sequence)
        except (ObjectMissing, LandingDamaged) as error:
            yield f"landing object of {row.id}: {error}"
            continue
        sent = [record.data.encode() for record in ledger.batches.get(row.id, [])]
        if [record.data for record in landed] != sent:
            yield f"landing object of {row.id}: its data is not what was sent"


def _record_problems(
    lake: Lake, workspace_id: str, arrivals: dict[str, list[Arrival]]
) -> Iterator[str]:
    stored = list(_stored(lake, workspace_id))
    for name, count in Counter(record.record_id for record in stored).items():
        if count > 1:
            yield f"double: record {name} is there {count} times"
        if name not in arrivals:
            yield f"stranger: record {name} was never sent"
    if lake.count_records(workspace_id) != len(arrivals):
        there = lake.count_records(workspace_id)
        yield f"count: {there} rows of {len(arrivals)} records"
    current = {record.record_id: record for record in stored}
    for name, all_arrivals in arrivals.items():
        last = all_arrivals[-1]
        record = current.get(name)
        if record is None:
            yield f"lost record: {name}, last sent in batch {last.batch_id}"
            continue
        if record.version != last.version or record.batch_id != last.batch_id:
            yield f"stale: record {name} has version {record.version} and not {last.version}"
        if record.data != last.sent.data.encode():
            yield f"data: record {name} is not byte for byte what was sent"
        expected = [(one.version, one.batch_id) for one in all_arrivals]
        if lake.batches_of(workspace_id, name) != expected:
            yield f"arrivals: record {name} has not the batches that it came in"


def _stored(lake: Lake, workspace_id: str) -> Iterator[StoredRecord]:
    before = None
    while True:
        page = lake.page_records(workspace_id, limit=_PAGE, before_version=before)
        yield from page.records
        if page.next_before is None:
            return
        before = page.next_before


def _search_problems(
    lake: Lake, workspace_id: str, arrivals: dict[str, list[Arrival]]
) -> Iterator[str]:
    old: list[str] = []
    for name, all_arrivals in arrivals.items():
        last = all_arrivals[-1]
        old += [one.sent.word for one in all_arrivals[:-1]]
        hits = search(lake, workspace_id, last.sent.word, limit=5).hits
        if [(hit.record_id, hit.version) for hit in hits] != [(name, last.version)]:
            yield f"search: {last.sent.word} finds {len(hits)} and not record {name} once"
    for word in old[:: max(1, len(old) // _OLD_WORDS)]:
        if search(lake, workspace_id, word, limit=5).hits:
            yield f"search: {word} of a replaced version is found"
