"""Rebuilds the lake of a worker fixture, and reads its tables row by row."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance

from everlake.integrity.rebuild import RebuildResult, rebuild
from everlake.jobs.queue import JobQueue, job_owner
from everlake.lake.derived_tables import DERIVED_TABLES
from everlake.lake.writer_leases import WriterLeases
from everlake.worker.attachments.indexing import IndexingWorker
from tests.support.worker_fixture import PRODUCT, PROJECT, WorkerFixture

KEYS = {
    "records": ("record_id", "version"),
    "arrivals": ("record_id", "version", "batch_id"),
    "utterances": ("record_id", "version", "ordinal"),
}


def no_progress(what: str, done: int, total: int | None) -> None:
    """Progress callback that does nothing."""


def rebuild_workspace(home: WorkerFixture, **options: Any) -> RebuildResult:
    """Rebuild the fixture's first workspace, and return the result."""
    writers: WriterLeases = options.get("writers") or home.writer_leases("rebuild")
    queue = JobQueue(home.catalog, owner=job_owner(writers.owner), lease_ms=30_000)
    indexing = IndexingWorker(queue, home.catalog, home.store, home.lake, writers)
    with tempfile.TemporaryDirectory() as scratch:
        return rebuild(
            home.catalog,
            home.store,
            home.lake,
            writers,
            options.get("workspace_id") or home.workspace_id,
            index_attachment_texts=indexing.run_once,
            report_progress=options.get("watch") or no_progress,
            temporary_directory=Path(scratch),
        )


def table_rows(data: Path, workspace_id: str) -> dict[str, list[dict[str, Any]]]:
    """Every row and column of every table, in a fixed order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for spec in DERIVED_TABLES.specs:
        path = data / "lake" / f"workspace={workspace_id}" / f"{spec.name}.lance"
        table = lance.dataset(path).to_table() if path.exists() else spec.schema.empty_table()
        key = KEYS[spec.name]
        found[spec.name] = sorted(
            table.to_pylist(), key=lambda row, key=key: tuple(row[name] for name in key)
        )
    return found


def conversation(name: str, said: str, **changes: Any) -> dict[str, Any]:
    """A record with every member, of a shape that says two things."""
    one: dict[str, Any] = {
        "_type": "conversation",
        "_schema_version": "1.0.0",
        "_event_at": "2026-03-01T10:00:00.25Z",
        "_vendor_ids": {"id": name, "from": "test"},
        "_product_id": PRODUCT,
        "_project_ids": [PROJECT],
        "_nature": "guidance",
        "_thread_id": f"thread of {name}",
        "_participants": [
            {"id": "u1", "role": "external", "name": "Ada", "email": "Ada@x.example"},
            {"id": "u2", "role": "internal", "type": "user"},
        ],
        "_tags": ["one", "zwei ü"],
        "_pii": {"contains_email": True},
        "data": {"messages": [{"from": "u1", "text": said}, {"from": "u2", "text": "Noted."}]},
    }
    return {**one, **changes}


def irregular_record(name: str, said: str) -> str:
    """A record whose ``data`` has line breaks, a repeated member and numbers of its own form."""
    record = conversation(name, said)
    record.pop("data")
    data = f'{{ "text" : {json.dumps(said)},\r\n\t"price": 1.50, "same":1, "same":2}}'
    return json.dumps(record)[:-1] + ',"data":' + data + "}"


def fill(home: WorkerFixture) -> None:
    """Batches of several kinds, in which records come again and again; all of them analysed."""
    for turn in range(4):
        home.accept(*(conversation(f"c{n}", f"turn {turn} of {n}") for n in range(turn, 12)))
        home.accept_texts(
            [irregular_record(f"b{turn}", "crème brûlée 😀"), irregular_record("b", "again")]
        )
        home.accept(conversation("twice", "first"), conversation("twice", f"then {turn}"))
    for n in range(5):
        home.accept(conversation(f"single {n}", "alone", data={"text": "Alone."}))
    home.accept(conversation("silent", "", data={"n": 1}), {**conversation("x", ""), "_tags": 7})
    home.process_all()


def texts(home: WorkerFixture) -> list[str]:
    """The ``text`` of every record in the lake that has one."""
    page = home.lake.records.page(home.workspace_id, limit=1_000)
    datas = [json.loads(record.data) for record in page.records]
    return [data["text"] for data in datas if "text" in data]


class DuringRebuild:
    """Does something once, when the rebuild gets to a piece of its work."""

    def __init__(self, what: str, action: Callable[[], None]) -> None:
        self._what = what
        self._action: Callable[[], None] | None = action

    def __call__(self, what: str, _done: int, _total: int | None) -> None:
        if what.startswith(self._what) and self._action is not None:
            action, self._action = self._action, None
            action()
