"""What clients were promised: every request that got its 202, and what was in it."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

PRODUCT = "prod-1"
PROJECT = "proj-1"


@dataclass(frozen=True)
class SentRecord:
    """One record as it was sent. ``word`` stands in its data and in no other's."""

    name: str
    word: str
    data: str

    def text(self) -> str:
        """The record's JSON, ``data`` just as it is."""
        envelope = {
            "_type": "message",
            "_schema_version": "1.0.0",
            "_event_at": "2026-03-01T10:00:00.5Z",
            "_vendor_ids": {"id": self.name, "from": "chaos"},
            "_product_id": PRODUCT,
            "_project_ids": [PROJECT],
        }
        return json.dumps(envelope)[:-1] + ',"data":' + self.data + "}"


def body_of(records: Sequence[SentRecord]) -> bytes:
    """A request's body."""
    return ("[" + ",".join(record.text() for record in records) + "]").encode()


@dataclass
class Ledger:
    """The requests that got a 202, by the id of their batch. Threads may share it."""

    batches: dict[str, list[SentRecord]] = field(default_factory=dict[str, list[SentRecord]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, batch_id: str, records: Sequence[SentRecord]) -> None:
        """Note a 202; the same one may come again for the same request."""
        with self._lock:
            known = self.batches.setdefault(batch_id, list(records))
        assert known == list(records), f"two requests got the batch {batch_id}"
