"""Records put together into the bodies of requests.

What goes into a body, and in which order bodies come, depends on the records alone: the same
files make the same bodies again.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from everlake.client.client import JSON
from everlake.client.record_reader import (
    InputRecord,
    RecordLocation,
    RejectedInput,
    UnreadableInput,
)
from everlake.contract.envelope import canonical_event_at, canonical_type
from everlake.contract.limits import Limits
from everlake.contract.record_identity import record_id

LIMITS = Limits()
MAX_RECORD_BYTES = LIMITS.body_bytes - 2
"""Bytes of the largest record that a body can hold: a line break or two brackets go with it."""

_MAX_OPEN_BYTES = 16 * 1024 * 1024
_MAX_OPEN_BATCHES = 64

_BatchKey: TypeAlias = tuple[str, str | None, str | None]
"""Media type, ``_type`` as compared, ``_product_id``: a body has one of each. None: of any."""


class RequestBatch:
    """The records of one request.

    Args:
        media_type: of the body.
        texts: the records, as they are to stand in the body.
        places: where each comes from.
        identities: of all records that the server could accept, so that two versions of one
            record are known for what they are.
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
        self.body = b"[%b]" % b",".join(texts) if media_type == JSON else b"\n".join(texts) + b"\n"
        self._sizes = [len(text) for text in texts]

    def __len__(self) -> int:
        return len(self._sizes)

    def texts(self) -> list[bytes]:
        """The records as they stand in the body."""
        at = 1 if self.media_type == JSON else 0
        texts: list[bytes] = []
        for size in self._sizes:
            texts.append(self.body[at : at + size])
            at += size + 1
        return texts

    def subset(self, start: int, end: int) -> "RequestBatch":
        """The records from ``start`` to before ``end`` as a body of their own."""
        return RequestBatch(self.media_type, self.texts()[start:end], self.locations[start:end])


def batch_records(
    items: Iterable[InputRecord | RejectedInput | UnreadableInput],
) -> Iterator[RequestBatch | RejectedInput | UnreadableInput]:
    """The records in bodies within the contract's limits; what is no record is passed on.

    Records of one identity stay in the order in which they were read, within a chunk and from
    chunk to chunk. Records of different ones do not, for the sake of full requests.
    """
    open_chunks = _OpenBatches()
    for each in items:
        if isinstance(each, InputRecord):
            yield from open_chunks.add(each)
        else:
            yield each
    yield from open_chunks.close_all()


class _RecordHeader(msgspec.Struct, gc=False):
    """What decides where a record goes; a record that lacks any of it will be refused."""

    record_type: str = msgspec.field(name="_type")
    product_id: str = msgspec.field(name="_product_id")
    event_at: str = msgspec.field(name="_event_at")
    vendor_ids: dict[str, str] = msgspec.field(name="_vendor_ids")
    attachments: list[Raw] = msgspec.field(name="_attachments", default_factory=list[Raw])


class _PartialHeader(msgspec.Struct, gc=False):
    record_type: Raw | UnsetType = msgspec.field(name="_type", default=UNSET)
    product_id: Raw | UnsetType = msgspec.field(name="_product_id", default=UNSET)


_decode_header = msgspec.json.Decoder(_RecordHeader).decode
_decode_partial_header = msgspec.json.Decoder(_PartialHeader).decode
_decode_text = msgspec.json.Decoder(str).decode


class _KeyedRecord(msgspec.Struct, frozen=True):
    """A record, and what decides where it goes; no identity where it will be refused."""

    record: InputRecord
    key: _BatchKey
    identity: str | None
    attachments: int


def _with_key(record: InputRecord) -> _KeyedRecord:
    try:
        head = _decode_header(record.text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _KeyedRecord(record, _partial_key(record), None, 0)
    identity = None
    record_type = canonical_type(head.record_type)
    event_at = canonical_event_at(head.event_at)
    if record_type is not None and event_at is not None:
        identity = record_id(record_type, head.vendor_ids, event_at)
    kind = (record.media_type, record_type or _normalised_type(head.record_type), head.product_id)
    return _KeyedRecord(record, kind, identity, len(head.attachments))


def _partial_key(record: InputRecord) -> _BatchKey:
    """With type and product where both are strings: else neither counts (contract, Judged, 4)."""
    try:
        head = _decode_partial_header(record.text)
        if head.record_type is not UNSET and head.product_id is not UNSET:
            record_type = _normalised_type(_decode_text(head.record_type))
            return record.media_type, record_type, _decode_text(head.product_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return record.media_type, None, None


def _normalised_type(record_type: str) -> str:
    return record_type.strip().lower()


class _OpenBatch:
    """A chunk that still grows."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.locations: list[RecordLocation] = []
        self.identities: set[str] = set()
        self.bytes = 1
        self.attachments = 0

    def has_room_for(self, record: _KeyedRecord) -> bool:
        return (
            len(self.texts) < LIMITS.records_per_batch
            and self.bytes + len(record.record.text) + 1 <= LIMITS.body_bytes
            and self.attachments + record.attachments <= LIMITS.attachments_per_batch
        )

    def add(self, record: _KeyedRecord) -> None:
        self.texts.append(record.record.text)
        self.locations.append(record.record.location)
        if record.identity is not None:
            self.identities.add(record.identity)
        self.bytes += len(record.record.text) + 1
        self.attachments += record.attachments


class _OpenBatches:
    """The chunks that still grow, by kind, the oldest first."""

    def __init__(self) -> None:
        self._batches: dict[_BatchKey, _OpenBatch] = {}
        self._key_of_identity: dict[str, _BatchKey] = {}
        self._latest: _BatchKey | None = None
        self._bytes = 0

    def add(self, record: InputRecord) -> list[RequestBatch]:
        """Take one record; the chunks that are closed because of it."""
        one = _with_key(record)
        kind = self._matching_key(one.key)
        closed: list[RequestBatch] = []
        earlier = kind if one.identity is None else self._key_of_identity.get(one.identity, kind)
        if earlier != kind:
            # An earlier version, with another product: it has to arrive first.
            closed.append(self._close(earlier))
        chunk = self._batches.get(kind)
        if chunk is not None and not chunk.has_room_for(one):
            closed.append(self._close(kind))
            chunk = None
        if chunk is None:
            chunk = self._batches[kind] = _OpenBatch()
        chunk.add(one)
        if one.identity is not None:
            self._key_of_identity[one.identity] = kind
        self._latest = kind
        self._bytes += len(record.text)
        while self._bytes > _MAX_OPEN_BYTES or len(self._batches) > _MAX_OPEN_BATCHES:
            closed.append(self._close(next(iter(self._batches))))
        return closed

    def close_all(self) -> Iterator[RequestBatch]:
        """All that is left, the oldest first."""
        while self._batches:
            yield self._close(next(iter(self._batches)))

    def _matching_key(self, key: _BatchKey) -> _BatchKey:
        """The chunk's kind for a record of ``key``; one of any kind goes wherever it can."""
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
        chunk = self._batches.pop(key)
        for identity in chunk.identities:
            del self._key_of_identity[identity]
        self._bytes -= sum(map(len, chunk.texts))
        return RequestBatch(key[0], chunk.texts, chunk.locations, frozenset(chunk.identities))
