"""Runs the attachment steps of one worker until it is idle, and builds records for it."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from everlake.catalog import attachments
from everlake.catalog.attachments import AttachmentRow
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.batches import DownloadStatus
from everlake.settings import settings_from
from everlake.worker.attachments.service import AttachmentWorker
from tests.support.hostile_behaviours import ReceivedRequest, content
from tests.support.hostile_server import ClientConnection, behaviour
from tests.support.worker_fixture import WorkerFixture, record

TIMEOUT = 60.0


class ConcurrencyCounter:
    """Counts concurrent requests for content that comes late."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def enter(self, change: int) -> None:
        with self._lock:
            self._now += change
            self.most = max(self.most, self._now)


CONCURRENCY = ConcurrencyCounter()


@behaviour
def late(peer: ClientConnection, request: ReceivedRequest) -> None:
    """Answer after a while."""
    CONCURRENCY.enter(1)
    time.sleep(0.05)
    CONCURRENCY.enter(-1)
    peer.send_response(200, {}, content(int(request.path[1])))


@behaviour
def available_on_retry(peer: ClientConnection, request: ReceivedRequest) -> None:
    """Nothing at first, and a file when it is asked for again."""
    first = peer.server.request_counts[request.target] == 1
    peer.send_response(404 if first else 200, {}, b"" if first else content(int(request.path[1])))


FAST_SETTINGS: dict[str, Any] = {
    "attachment_allow": "127.0.0.1",
    "retry_seconds": 0.05,
    "attachment_idle_timeout": 1.0,
    "attachment_total_timeout": 10.0,
}


class AttachmentWorkerHarness:
    """One worker's attachments; the batches' own steps are done first."""

    def __init__(self, home: WorkerFixture, worker: str, **changes: Any) -> None:
        settings = settings_from({"data": str(home.data), **FAST_SETTINGS, **changes})
        self.stop = threading.Event()
        self._home = home
        self._attachments = AttachmentWorker(
            settings,
            home.catalog,
            home.store,
            home.lake,
            home.writer_leases(worker),
            worker=worker,
            stop=self.stop,
            metrics=home.metrics,
        )
        self._turns = list(self._attachments.steps())
        self._attachments.start()

    def run_once(self) -> bool:
        """A turn at everything; whether there was something to do."""
        worked = [turn() for turn in (*self._turns, self._attachments.index_once)]
        return any(worked)

    def run_until_settled(self, *batch_ids: str) -> None:
        """Work until every attachment of these is settled, and its text too."""
        deadline = time.monotonic() + TIMEOUT
        while not all(map(self._is_settled, batch_ids)):
            assert time.monotonic() < deadline, [rows_of(self._home, one) for one in batch_ids]
            if not self.run_once():
                time.sleep(0.01)

    def renew(self) -> None:
        self._attachments.renew()

    def shut_down(self) -> None:
        self.stop.set()
        self._attachments.shut_down()

    def _is_settled(self, batch_id: str) -> bool:
        return all(
            row.status is not AttachmentStatus.PENDING
            and row.text_status not in {"PENDING", "RECORDING", "READY"}
            for row in rows_of(self._home, batch_id)
        )


@contextmanager
def attachment_worker(
    home: WorkerFixture, worker: str = "worker", **changes: Any
) -> Generator[AttachmentWorkerHarness]:
    """A worker that fetches, with these settings changed."""
    made = AttachmentWorkerHarness(home, worker, **changes)
    try:
        yield made
    finally:
        made.shut_down()


def rows_of(home: WorkerFixture, batch_id: str) -> list[AttachmentRow]:
    """The batch's attachments, in order."""
    with home.catalog.snapshot() as tx:
        return attachments.page(tx, batch_id, limit=10_000)


def attach(url: str | None = None, **members: Any) -> dict[str, Any]:
    """An attachment of a record."""
    named = {} if url is None else {"vendor_url": url}
    return {"type": "file", **named, **members}


def with_attachments(name: str, *attached: dict[str, Any], text: str = "hello") -> dict[str, Any]:
    """Return a record with these attachments."""
    return {**record(name, text), "_attachments": list(attached)}


def landed(home: WorkerFixture, *records: dict[str, Any], analysed: bool = True) -> str:
    """The id of a batch of these, which is in the lake and, unless told, analysed."""
    batch_id = home.accept(*records)
    home.process_all(*([] if analysed else [home.landing_stage()]))
    return batch_id


def progress(home: WorkerFixture, batch_id: str) -> tuple[int, int, int, DownloadStatus]:
    """Total, complete, failed and status, as the batch's owner sees them."""
    seen = home.batch(batch_id).view()
    total, complete = seen.attachmentDownloadTotal, seen.attachmentDownloadComplete
    failed, status = seen.attachmentDownloadFailed, seen.attachmentDownloadStatus
    assert isinstance(total, int)
    assert isinstance(complete, int)
    assert isinstance(failed, int)
    assert isinstance(status, DownloadStatus)
    return total, complete, failed, status
