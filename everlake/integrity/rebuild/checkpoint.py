"""How far a rebuild is, so that it goes on where it was stopped."""

import msgspec

from everlake import __version__
from everlake.clock import now_ms

FORMAT_VERSION = f"{__version__}/2"
"""Whoever has another mark makes tables of another kind: its work is of no use."""

MAX_AGE_MS = 24 * 3_600_000
"""Older work is not gone on with: who comes back after days has something else in mind."""


class LostBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A landed batch whose landing object is no good.

    Of its ``accepted`` records, ``carried`` were there in the old tables, as far as these were
    ``readable``.
    """

    batch_id: str
    path: str
    reason: str
    accepted: int
    carried: int
    readable: bool


class RebuildCheckpoint(msgspec.Struct):
    """Written after each piece of work, when that is on disk.

    ``until`` is the highest sequence of the batches that the tables are filled from; ``listed``
    and ``written`` say up to which sequence their arrivals and records are there, in the tables'
    ``versions``. ``missing`` are sequences up to ``until`` of batches that are not there,
    ``silent`` of those whose records are there and what they say is not. ``lost`` is by sequence.
    ``kept`` is where the old tables are kept, if they are.
    """

    until: int
    listed: int = 0
    listed_records: int = 0
    written: int = 0
    written_records: int = 0
    indexed: bool = False
    versions: dict[str, int] = {}
    missing: set[int] = set()
    silent: set[int] = set()
    lost: dict[int, LostBatch] = {}
    kept: str | None = None
    made_by: str = FORMAT_VERSION
    started_at: int = msgspec.field(default_factory=now_ms)

    def encode(self) -> bytes:
        """What :meth:`decoded` takes."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, content: bytes | None) -> "RebuildCheckpoint | None":
        """Those that were kept, where they are of a rebuild that is worth going on with."""
        if content is None:
            return None
        try:
            notes = msgspec.json.decode(content, type=RebuildCheckpoint)
        except msgspec.DecodeError:
            return None
        if notes.made_by != FORMAT_VERSION or now_ms() - notes.started_at > MAX_AGE_MS:
            return None
        return notes
