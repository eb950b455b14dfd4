"""Which arrivals count no more, because their record came in again."""

from array import array
from bisect import bisect_left
from pathlib import Path

from everlake.contract.record_identity import record_version
from everlake.integrity.temporary_database import RECORD_ID_AS_UUID, temporary_database
from everlake.tables.snapshot import Snapshot
from everlake.tables.table import Table

_LOAD = f"INSERT INTO arrivals SELECT {RECORD_ID_AS_UUID}, version FROM fresh"  # noqa: S608 - all ours
_FIND_SUPERSEDED = """
    SELECT DISTINCT version
    FROM arrivals
    JOIN (
        SELECT id, max(version) AS last FROM arrivals GROUP BY id HAVING count(*) > 1
    ) USING (id)
    WHERE version < last
    ORDER BY version
"""


class SupersededVersions:
    """Versions that a later one of the same record has replaced."""

    def __init__(self, versions: "array[int]") -> None:
        self._versions = versions

    def __len__(self) -> int:
        return len(self._versions)

    def in_batch(self, sequence: int) -> frozenset[int]:
        """Those of the batch with that sequence."""
        first = bisect_left(self._versions, record_version(sequence, 0))
        end = bisect_left(self._versions, record_version(sequence + 1, 0))
        return frozenset(self._versions[first:end])


def find_superseded(arrivals: Table, temporary_directory: Path) -> SupersededVersions:
    """Go through a table of arrivals. Memory: 8 bytes for each version that is found.

    Args:
        temporary_directory: an empty one, for what does not fit into memory.

    Raises:
        LakeUnavailable, LakeDamaged
    """

    def find(now: Snapshot) -> "array[int]":
        with temporary_database(temporary_directory) as work:
            work.execute("CREATE TABLE arrivals (id UUID, version BIGINT)")
            for rows in now.stream(["record_id", "version"], rows=65_536):
                work.load(_LOAD, rows)
            return array("q", (version for (version,) in work.query(_FIND_SUPERSEDED)))

    return SupersededVersions(arrivals.read(find, array("q")))
