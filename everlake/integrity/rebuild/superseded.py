"""Superseded versions: arrivals whose record arrived again later."""

from array import array
from bisect import bisect_left
from pathlib import Path

from everlake.contract.record_identity import record_version
from everlake.integrity.temporary_database import RECORD_ID_AS_UUID, temporary_database
from everlake.tables.snapshot import Snapshot
from everlake.tables.table import Table

_LOAD = f"INSERT INTO arrivals SELECT {RECORD_ID_AS_UUID}, version FROM fresh"  # noqa: S608 - a constant
_FIND_SUPERSEDED = """
    SELECT DISTINCT version
    FROM arrivals
    JOIN (
        SELECT id, max(version) AS last FROM arrivals GROUP BY id HAVING count(*) > 1
    ) USING (id)
    WHERE version < last
    ORDER BY version
"""
_BATCH_ROWS = 65_536


class SupersededVersions:
    """Sorted versions of records, each of which a later version of its record has replaced."""

    def __init__(self, versions: "array[int]") -> None:
        self._versions = versions

    def __len__(self) -> int:
        return len(self._versions)

    def in_batch(self, sequence: int) -> frozenset[int]:
        """Return those that arrived with the batch of this sequence."""
        first = bisect_left(self._versions, record_version(sequence, 0))
        end = bisect_left(self._versions, record_version(sequence + 1, 0))
        return frozenset(self._versions[first:end])


def find_superseded(arrivals: Table, temporary_directory: Path) -> SupersededVersions:
    """Find the superseded versions in a table of arrivals.

    Memory: 8 bytes for each of them.

    Args:
        arrivals: the table.
        temporary_directory: an empty directory for what does not fit into memory.

    Raises:
        LakeUnavailable, LakeDamaged: the table cannot be read.
        TemporaryStorageFull: the directory is full.
    """

    def find(now: Snapshot) -> "array[int]":
        with temporary_database(temporary_directory) as database:
            database.execute("CREATE TABLE arrivals (id UUID, version BIGINT)")
            for rows in now.stream(["record_id", "version"], rows=_BATCH_ROWS):
                database.load(_LOAD, rows)
            return array("q", (version for (version,) in database.query(_FIND_SUPERSEDED)))

    return SupersededVersions(arrivals.read(find, array("q")))
