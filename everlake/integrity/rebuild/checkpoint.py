"""Checkpoint of a rebuild: how far it is, so that the next call resumes it after a stop."""

import msgspec

from everlake import __version__
from everlake.tables.registry import Registry

MAX_AGE_MS = 24 * 3_600_000
"""An older rebuild is not resumed: its tables would lack most of what there is by now."""


class LostBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A landed batch whose landing object is missing or damaged.

    Attributes:
        batch_id: the batch.
        path: path of its landing object.
        reason: why the object cannot be used.
        accepted: number of the batch's records.
        salvaged: number of them that the old tables had.
        readable: whether the old tables could be read in full.
    """

    batch_id: str
    path: str
    reason: str
    accepted: int
    salvaged: int
    readable: bool


class RebuildCheckpoint(msgspec.Struct):
    """State of a rebuild, saved after each piece of work that is on disk.

    Attributes:
        made_by: :func:`format_version` of the program that makes the tables.
        started_at: start of the rebuild, in Unix milliseconds of the catalog's clock.
        until: highest sequence of the batches that the tables are filled from.
        listed: sequence up to which arrivals are written.
        listed_records: number of these batches' records.
        written: sequence up to which records, and what is derived from them, are written.
        written_records: number of these batches' records.
        indexed: whether the indexes are built.
        versions: version of each table that holds all this.
        missing: sequences up to ``until`` whose records are not in the tables.
        silent: sequences whose records are in the tables, without their analysis.
        lost: batches whose records are lost, by sequence.
        kept: where the old tables are to be kept, if they are.
    """

    made_by: str
    started_at: int
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

    def encode(self) -> bytes:
        """Return the checkpoint as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(
        cls, content: bytes | None, registry: Registry, now: int
    ) -> "RebuildCheckpoint | None":
        """Read a saved checkpoint.

        Args:
            content: the JSON; None when there is none.
            registry: the tables of this program.
            now: Unix milliseconds of the catalog's clock.

        Returns:
            the checkpoint; None when its rebuild cannot or should not be resumed.
        """
        if content is None:
            return None
        try:
            checkpoint = msgspec.json.decode(content, type=RebuildCheckpoint)
        except msgspec.DecodeError:
            return None
        resumable = is_resumable(checkpoint.made_by, checkpoint.started_at, registry, now)
        return checkpoint if resumable else None


def format_version(registry: Registry) -> str:
    """Return what identifies the tables that a program makes: its version, and its registry."""
    tables = ",".join(f"{spec.name}:{spec.analysis_version or 0}" for spec in registry.specs)
    return f"{__version__}/3/{tables}"


def is_resumable(made_by: str, started_at: int, registry: Registry, now: int) -> bool:
    """Return whether this program may resume work of that format version, started then."""
    return made_by == format_version(registry) and now - started_at <= MAX_AGE_MS
