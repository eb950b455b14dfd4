"""What clients were promised: every request that got its 202, and what was in it."""

import json
import threading
from collections.abc import Collection, Sequence
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


def body_of(records: Sequence[SentRecord], refused: Sequence[str] = ()) -> bytes:
    """A request's body: right records, and after them texts that are JSON and no records."""
    return ("[" + ",".join([*(record.text() for record in records), *refused]) + "]").encode()


@dataclass
class Ledger:
    """The requests that got a 202, by the id of their batch. Threads may share it.

    ``refused`` are the texts of a request that are no records, ``keys`` its idempotency keys.
    ``clients`` holds the batches of each client that sends one request after the other, in that
    order.
    """

    batches: dict[str, list[SentRecord]] = field(default_factory=dict[str, list[SentRecord]])
    refused: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    keys: dict[str, str] = field(default_factory=dict[str, str])
    clients: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(
        self,
        batch_id: str,
        records: Sequence[SentRecord],
        refused: Sequence[str] = (),
        *,
        key: str | None = None,
        client: int | None = None,
    ) -> None:
        """Note a 202; the same one may come again for the same request."""
        with self._lock:
            known = self.batches.setdefault(batch_id, list(records))
            self.refused.setdefault(batch_id, list(refused))
            if key is not None:
                self.keys[batch_id] = key
            if client is not None:
                self.clients.setdefault(client, []).append(batch_id)
        assert known == list(records), f"two requests got the batch {batch_id}"

    def of(self, batch_ids: Collection[str]) -> "Ledger":
        """What was promised with these batches alone."""
        with self._lock:
            return Ledger(
                {one: self.batches[one] for one in self.batches if one in batch_ids},
                {one: self.refused[one] for one in self.refused if one in batch_ids},
                {one: self.keys[one] for one in self.keys if one in batch_ids},
                {
                    client: [one for one in sent if one in batch_ids]
                    for client, sent in self.clients.items()
                },
            )

    def ids(self) -> set[str]:
        """The batches of all promises up to now."""
        with self._lock:
            return set(self.batches)
