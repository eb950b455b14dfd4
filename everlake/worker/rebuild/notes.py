"""How far a rebuild is, so that it goes on where it was stopped."""

from pathlib import Path

import msgspec

from everlake import __version__
from everlake.catalog.engine import local_now_ms
from everlake.lake.place import NOTES
from everlake.storage import ObjectMissing
from everlake.storage.local import LocalStore

MADE_BY = f"{__version__}/1"
"""Whoever has another mark makes tables of another kind: its work is of no use."""

FRESH_MS = 24 * 3_600_000
"""Older work is not gone on with: who comes back after days has something else in mind."""


class Lost(msgspec.Struct, frozen=True, kw_only=True):
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


class Notes(msgspec.Struct):
    """Written after each piece of work, when that is on disk.

    ``until`` is the highest sequence of the batches that the tables are filled from; ``listed``
    and ``written`` say up to which sequence their arrivals and records are there, in the tables'
    ``versions``. ``missing`` are sequences up to ``until`` of batches that are not there,
    ``silent`` of those whose records are there and what they say is not. ``lost`` is by sequence.
    ``kept`` is the name under which the old tables are kept, if they are.
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
    lost: dict[int, Lost] = {}
    kept: str | None = None
    made_by: str = MADE_BY
    started_at: int = msgspec.field(default_factory=local_now_ms)

    def save(self, directory: Path) -> None:
        """Write them there, synced.

        Raises:
            StorageUnavailable: they could not be written.
        """
        LocalStore(directory).put_many([(NOTES, msgspec.json.encode(self))])

    @classmethod
    def load(cls, directory: Path) -> "Notes | None":
        """Those in ``directory``, where they are of a rebuild that is worth going on with."""
        try:
            notes = msgspec.json.decode(LocalStore(directory).get(NOTES), type=Notes)
        except (ObjectMissing, msgspec.DecodeError):
            return None
        if notes.made_by != MADE_BY or local_now_ms() - notes.started_at > FRESH_MS:
            return None
        return notes
