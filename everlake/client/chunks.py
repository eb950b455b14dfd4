"""Records put together into the bodies of requests.

What goes into a body, and in which order bodies come, depends on the records alone: the same
files make the same bodies again.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from everlake.client.client import JSON
from everlake.client.records import Item, Place, Refused, Unread
from everlake.contract.envelope import canonical_event_at, canonical_type
from everlake.contract.identity import record_id
from everlake.contract.limits import Limits

LIMITS = Limits()
MOST_RECORD_BYTES = LIMITS.body_bytes - 2
"""Bytes of the largest record that a body can hold: a line break or two brackets go with it."""

_OPEN_BYTES = 16 * 1024 * 1024
_OPEN_CHUNKS = 64

_Kind: TypeAlias = tuple[str, str | None, str | None]
"""Media type, ``_type`` as compared, ``_product_id``: a body has one of each. None: of any."""


class Chunk:
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
        places: Sequence[Place],
        identities: frozenset[str] = frozenset(),
    ) -> None:
        self.media_type = media_type
        self.places = places
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

    def part(self, start: int, end: int) -> "Chunk":
        """The records from ``start`` to before ``end`` as a body of their own."""
        return Chunk(self.media_type, self.texts()[start:end], self.places[start:end])


def chunks_of(read: Iterable[Item | Refused | Unread]) -> Iterator[Chunk | Refused | Unread]:
    """The records in bodies within the contract's limits; what is no record is passed on.

    Records of one identity stay in the order in which they were read, within a chunk and from
    chunk to chunk. Records of different ones do not, for the sake of full requests.
    """
    open_chunks = _OpenChunks()
    for each in read:
        if isinstance(each, Item):
            yield from open_chunks.add(each)
        else:
            yield each
    yield from open_chunks.close_all()


class _Head(msgspec.Struct, gc=False):
    """What decides where a record goes; a record that lacks any of it will be refused."""

    record_type: str = msgspec.field(name="_type")
    product_id: str = msgspec.field(name="_product_id")
    event_at: str = msgspec.field(name="_event_at")
    vendor_ids: dict[str, str] = msgspec.field(name="_vendor_ids")
    attachments: list[Raw] = msgspec.field(name="_attachments", default_factory=list[Raw])


class _PoorHead(msgspec.Struct, gc=False):
    record_type: Raw | UnsetType = msgspec.field(name="_type", default=UNSET)
    product_id: Raw | UnsetType = msgspec.field(name="_product_id", default=UNSET)


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_poor_head = msgspec.json.Decoder(_PoorHead).decode
_decode_text = msgspec.json.Decoder(str).decode


class _Sorted(msgspec.Struct, frozen=True):
    """A record, and what decides where it goes; no identity where it will be refused."""

    item: Item
    kind: _Kind
    identity: str | None
    attachments: int


def _sort(item: Item) -> _Sorted:
    try:
        head = _decode_head(item.text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Sorted(item, _kind_of_poor(item), None, 0)
    identity = None
    record_type = canonical_type(head.record_type)
    event_at = canonical_event_at(head.event_at)
    if record_type is not None and event_at is not None:
        identity = record_id(record_type, head.vendor_ids, event_at)
    kind = (item.media_type, record_type or _as_compared(head.record_type), head.product_id)
    return _Sorted(item, kind, identity, len(head.attachments))


def _kind_of_poor(item: Item) -> _Kind:
    """With type and product where both are strings: else neither counts (contract, Judged, 4)."""
    try:
        head = _decode_poor_head(item.text)
        if head.record_type is not UNSET and head.product_id is not UNSET:
            record_type = _as_compared(_decode_text(head.record_type))
            return item.media_type, record_type, _decode_text(head.product_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return item.media_type, None, None


def _as_compared(record_type: str) -> str:
    return record_type.strip().lower()


class _Open:
    """A chunk that still grows."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.places: list[Place] = []
        self.identities: set[str] = set()
        self.bytes = 1
        self.attachments = 0

    def has_room_for(self, one: _Sorted) -> bool:
        return (
            len(self.texts) < LIMITS.records_per_batch
            and self.bytes + len(one.item.text) + 1 <= LIMITS.body_bytes
            and self.attachments + one.attachments <= LIMITS.attachments_per_batch
        )

    def add(self, one: _Sorted) -> None:
        self.texts.append(one.item.text)
        self.places.append(one.item.place)
        if one.identity is not None:
            self.identities.add(one.identity)
        self.bytes += len(one.item.text) + 1
        self.attachments += one.attachments


class _OpenChunks:
    """The chunks that still grow, by kind, the oldest first."""

    def __init__(self) -> None:
        self._chunks: dict[_Kind, _Open] = {}
        self._kind_of: dict[str, _Kind] = {}
        self._latest: _Kind | None = None
        self._bytes = 0

    def add(self, item: Item) -> list[Chunk]:
        """Take one record; the chunks that are closed because of it."""
        one = _sort(item)
        kind = self._kind_for(one.kind)
        closed: list[Chunk] = []
        earlier = kind if one.identity is None else self._kind_of.get(one.identity, kind)
        if earlier != kind:
            # An earlier version, with another product: it has to arrive first.
            closed.append(self._close(earlier))
        chunk = self._chunks.get(kind)
        if chunk is not None and not chunk.has_room_for(one):
            closed.append(self._close(kind))
            chunk = None
        if chunk is None:
            chunk = self._chunks[kind] = _Open()
        chunk.add(one)
        if one.identity is not None:
            self._kind_of[one.identity] = kind
        self._latest = kind
        self._bytes += len(item.text)
        while self._bytes > _OPEN_BYTES or len(self._chunks) > _OPEN_CHUNKS:
            closed.append(self._close(next(iter(self._chunks))))
        return closed

    def close_all(self) -> Iterator[Chunk]:
        """All that is left, the oldest first."""
        while self._chunks:
            yield self._close(next(iter(self._chunks)))

    def _kind_for(self, kind: _Kind) -> _Kind:
        """The chunk's kind for a record of ``kind``; one of any kind goes wherever it can."""
        if kind in self._chunks:
            return kind
        of_any: _Kind = (kind[0], None, None)
        if kind == of_any:
            latest = self._latest
            if latest is not None and latest[0] == kind[0] and latest in self._chunks:
                return latest
        elif of_any in self._chunks:
            self._chunks[kind] = self._chunks.pop(of_any)
        return kind

    def _close(self, kind: _Kind) -> Chunk:
        chunk = self._chunks.pop(kind)
        for identity in chunk.identities:
            del self._kind_of[identity]
        self._bytes -= sum(map(len, chunk.texts))
        return Chunk(kind[0], chunk.texts, chunk.places, frozenset(chunk.identities))
