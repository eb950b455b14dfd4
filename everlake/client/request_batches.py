"""Grouping of records into request bodies.

The bodies and their order depend on the records alone, so the same files make the same bodies.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Raw

from everlake.client.types import (
    InputItem,
    InputRecord,
    RecordLocation,
    RejectedInput,
    UnreadableInput,
)
from everlake.contract.envelope import (
    DECODE_ERRORS,
    canonical_event_at,
    canonical_type,
    normalize_type,
    type_and_product,
)
from everlake.contract.limits import Limits
from everlake.contract.media_types import MediaType
from everlake.contract.record_identity import record_id

LIMITS = Limits()
MAX_RECORD_BYTES = LIMITS.body_bytes - 2
"""Size of the largest record that a body can hold, besides a line break or two brackets."""

_MAX_OPEN_BYTES = 16 * 1024 * 1024
_MAX_OPEN_BATCHES = 64

_BatchKey: TypeAlias = tuple[str, str | None, str | None]
"""Media type, ``_type`` as compared, ``_product_id``: the same for all records of a body.

Type and product are None for records that fit any body of their media type.
"""


class RequestBatch:
    """Records of one request.

    Args:
        media_type: of the body.
        texts: of the records.
        locations: of the records.
        identities: ids of the records that the server can accept; versions of one record share
            their id.
    """

    def __init__(
        self,
        media_type: str,
        texts: Sequence[bytes],
        locations: Sequence[RecordLocation],
        identities: frozenset[str] = frozenset(),
    ) -> None:
        self.media_type = media_type
        self.locations = locations
        self.identities = identities
        self.body = (
            b"[%b]" % b",".join(texts)
            if media_type == MediaType.JSON
            else b"\n".join(texts) + b"\n"
        )
        self._sizes = [len(text) for text in texts]

    def __len__(self) -> int:
        return len(self._sizes)

    def texts(self) -> list[bytes]:
        """Return the records' texts."""
        at = 1 if self.media_type == MediaType.JSON else 0
        texts: list[bytes] = []
        for size in self._sizes:
            texts.append(self.body[at : at + size])
            at += size + 1
        return texts

    def subset(self, start: int, end: int) -> "RequestBatch":
        """Return the records from ``start`` to before ``end`` as a batch of their own."""
        return RequestBatch(self.media_type, self.texts()[start:end], self.locations[start:end])


def batch_records(
    items: Iterable[InputItem],
) -> Iterator[RequestBatch | RejectedInput | UnreadableInput]:
    """Yield the records in batches within the contract's limits. Other items are passed on.

    Versions of one record keep their order, within a batch and over batches. Different records do
    not, so that batches are full.
    """
    open_batches = _OpenBatches()
    for each in items:
        if isinstance(each, InputRecord):
            yield from open_batches.add(each)
        else:
            yield each
    yield from open_batches.close_all()


class _RecordHeader(msgspec.Struct, gc=False):
    """Members that determine the batch of a record; without one of them it will be rejected."""

    record_type: str = msgspec.field(name="_type")
    product_id: str = msgspec.field(name="_product_id")
    event_at: str = msgspec.field(name="_event_at")
    vendor_ids: dict[str, str] = msgspec.field(name="_vendor_ids")
    attachments: list[Raw] = msgspec.field(name="_attachments", default_factory=list[Raw])


_decode_header = msgspec.json.Decoder(_RecordHeader).decode


class _KeyedRecord(msgspec.Struct, frozen=True):
    """A record with what determines its batch; ``identity`` is None if it will be rejected."""

    record: InputRecord
    key: _BatchKey
    identity: str | None
    attachments: int


def _with_key(record: InputRecord) -> _KeyedRecord:
    try:
        header = _decode_header(record.text)
    except DECODE_ERRORS:
        record_type, product_id = type_and_product(record.text) or (None, None)
        return _KeyedRecord(record, (record.media_type, record_type, product_id), None, 0)
    identity = None
    record_type = canonical_type(header.record_type)
    event_at = canonical_event_at(header.event_at)
    if record_type is not None and event_at is not None:
        identity = record_id(record_type, header.vendor_ids, event_at)
    key = (record.media_type, record_type or normalize_type(header.record_type), header.product_id)
    return _KeyedRecord(record, key, identity, len(header.attachments))


class _OpenBatch:
    """A batch to which records are added."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.locations: list[RecordLocation] = []
        self.identities: set[str] = set()
        self.bytes = 1
        self.attachments = 0

    def has_room_for(self, record: _KeyedRecord) -> bool:
        """Return whether the record can be added within the limits of a request."""
        return (
            len(self.texts) < LIMITS.records_per_batch
            and self.bytes + len(record.record.text) + 1 <= LIMITS.body_bytes
            and self.attachments + record.attachments <= LIMITS.attachments_per_batch
        )

    def add(self, record: _KeyedRecord) -> None:
        """Add a record."""
        self.texts.append(record.record.text)
        self.locations.append(record.record.location)
        if record.identity is not None:
            self.identities.add(record.identity)
        self.bytes += len(record.record.text) + 1
        self.attachments += record.attachments


class _OpenBatches:
    """Batches to which records are added, by key, the oldest first."""

    def __init__(self) -> None:
        self._batches: dict[_BatchKey, _OpenBatch] = {}
        self._key_of_identity: dict[str, _BatchKey] = {}
        self._latest: _BatchKey | None = None
        self._bytes = 0

    def add(self, record: InputRecord) -> list[RequestBatch]:
        """Add one record, and return the batches that are closed because of it."""
        keyed = _with_key(record)
        key = self._matching_key(keyed.key)
        closed: list[RequestBatch] = []
        earlier = key if keyed.identity is None else self._key_of_identity.get(keyed.identity, key)
        if earlier != key:
            # An earlier version of the record, with another product: it must arrive first.
            closed.append(self._close(earlier))
        batch = self._batches.get(key)
        if batch is not None and not batch.has_room_for(keyed):
            closed.append(self._close(key))
            batch = None
        if batch is None:
            batch = self._batches[key] = _OpenBatch()
        batch.add(keyed)
        if keyed.identity is not None:
            self._key_of_identity[keyed.identity] = key
        self._latest = key
        self._bytes += len(record.text)
        while self._bytes > _MAX_OPEN_BYTES or len(self._batches) > _MAX_OPEN_BATCHES:
            closed.append(self._close(next(iter(self._batches))))
        return closed

    def close_all(self) -> Iterator[RequestBatch]:
        """Close all batches, the oldest first."""
        while self._batches:
            yield self._close(next(iter(self._batches)))

    def _matching_key(self, key: _BatchKey) -> _BatchKey:
        """Return the key of the batch for a record with ``key``.

        A record without type and product joins the latest batch of its media type. A batch of
        such records takes the key of the first other record.
        """
        if key in self._batches:
            return key
        of_any: _BatchKey = (key[0], None, None)
        if key == of_any:
            latest = self._latest
            if latest is not None and latest[0] == key[0] and latest in self._batches:
                return latest
        elif of_any in self._batches:
            self._batches[key] = self._batches.pop(of_any)
        return key

    def _close(self, key: _BatchKey) -> RequestBatch:
        batch = self._batches.pop(key)
        for identity in batch.identities:
            del self._key_of_identity[identity]
        self._bytes -= sum(map(len, batch.texts))
        return RequestBatch(key[0], batch.texts, batch.locations, frozenset(batch.identities))
