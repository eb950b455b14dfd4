"""A worker's attachments, taken turns at until nothing is left to do."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from everlake.catalog import attachments
from everlake.catalog.attachments import AttachmentRow
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.batch import DownloadStatus
from everlake.settings import Settings
from everlake.worker.attachments.service import Attachments
from tests.hostile import Request, content
from tests.hostile_server import Peer, behaviour
from tests.integration.worker.home import Home, record

PATIENCE = 60.0


class Late:
    """Counts who asks for something late at the same time."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def enter(self, change: int) -> None:
        with self._lock:
            self._now += change
            self.most = max(self.most, self._now)


LATE = Late()


@behaviour
def late(peer: Peer, request: Request) -> None:
    """Answer after a while."""
    LATE.enter(1)
    time.sleep(0.05)
    LATE.enter(-1)
    peer.answer(200, {}, content(int(request.path[1])))


@behaviour
def later_there(peer: Peer, request: Request) -> None:
    """Nothing at first, and a file when it is asked for again."""
    first = peer.server.asked[request.target] == 1
    peer.answer(404 if first else 200, {}, b"" if first else content(int(request.path[1])))


FAST: dict[str, Any] = {
    "attachment_allow": "127.0.0.1",
    "retry_seconds": 0.05,
    "attachment_idle_timeout": 1.0,
    "attachment_total_timeout": 10.0,
}


class Fetcher:
    """One worker's attachments; the batches' own steps are done first."""

    def __init__(self, home: Home, worker: str, **changes: Any) -> None:
        settings = Settings(data=str(home.data), **{**FAST, **changes})
        self.stop = threading.Event()
        self._home = home
        self._attachments = Attachments(
            settings,
            home.catalog,
            home.store,
            home.lake,
            home.writers(worker),
            worker=worker,
            stop=self.stop,
            meters=home.meters,
        )
        self._turns = list(self._attachments.turns())
        self._attachments.start()

    def turn(self) -> bool:
        """A turn at everything; whether there was something to do."""
        worked = [turn() for turn in (*self._turns, self._attachments.index)]
        return any(worked)

    def until_settled(self, *batch_ids: str) -> None:
        """Work until every attachment of these is settled, and its text too."""
        deadline = time.monotonic() + PATIENCE
        while not all(map(self._is_settled, batch_ids)):
            assert time.monotonic() < deadline, [rows_of(self._home, one) for one in batch_ids]
            if not self.turn():
                time.sleep(0.01)

    def renew(self) -> None:
        self._attachments.renew()

    def leave(self) -> None:
        self.stop.set()
        self._attachments.leave()

    def _is_settled(self, batch_id: str) -> bool:
        return all(
            row.status is not AttachmentStatus.PENDING
            and row.text_status not in {"PENDING", "RECORDING", "READY"}
            for row in rows_of(self._home, batch_id)
        )


@contextmanager
def fetching(home: Home, worker: str = "worker", **changes: Any) -> Generator[Fetcher]:
    """A worker that fetches, with these settings changed."""
    made = Fetcher(home, worker, **changes)
    try:
        yield made
    finally:
        made.leave()


def rows_of(home: Home, batch_id: str) -> list[AttachmentRow]:
    """The batch's attachments, in order."""
    with home.catalog.read() as tx:
        return attachments.page(tx, batch_id, limit=10_000)


def attach(url: str | None = None, **members: Any) -> dict[str, Any]:
    """An attachment of a record."""
    named = {} if url is None else {"vendor_url": url}
    return {"type": "file", **named, **members}


def with_attachments(name: str, *attached: dict[str, Any], text: str = "hello") -> dict[str, Any]:
    """A record with these."""
    return {**record(name, text), "_attachments": list(attached)}


def landed(home: Home, *records: dict[str, Any], analysed: bool = True) -> str:
    """The id of a batch of these, which is in the lake and, unless told, analysed."""
    batch_id = home.accept(*records)
    home.work(*([] if analysed else [home.landing()]))
    return batch_id


def progress(home: Home, batch_id: str) -> tuple[int, int, int, DownloadStatus]:
    """Total, complete, failed and status, as the batch's owner sees them."""
    seen = home.batch(batch_id).view()
    total, complete = seen.attachmentDownloadTotal, seen.attachmentDownloadComplete
    failed, status = seen.attachmentDownloadFailed, seen.attachmentDownloadStatus
    assert isinstance(total, int)
    assert isinstance(complete, int)
    assert isinstance(failed, int)
    assert isinstance(status, DownloadStatus)
    return total, complete, failed, status
