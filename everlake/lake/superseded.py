"""Which arrivals count no more, because their record came in again."""

from array import array
from bisect import bisect_left
from pathlib import Path

from everlake.contract.identity import record_version
from everlake.lake.dataset import Snapshot
from everlake.lake.scratch import RECORD_ID, scratch
from everlake.lake.table import Table

_TAKE = f"INSERT INTO arrivals SELECT {RECORD_ID}, version FROM fresh"  # noqa: S608 - all ours
_FIND = """
    SELECT DISTINCT version
    FROM arrivals
    JOIN (
        SELECT id, max(version) AS last FROM arrivals GROUP BY id HAVING count(*) > 1
    ) USING (id)
    WHERE version < last
    ORDER BY version
"""


class Superseded:
    """Versions that a later one of the same record has replaced."""

    def __init__(self, versions: "array[int]") -> None:
        self._versions = versions

    def __len__(self) -> int:
        return len(self._versions)

    def of(self, sequence: int) -> frozenset[int]:
        """Those of the batch with that sequence."""
        first = bisect_left(self._versions, record_version(sequence, 0))
        end = bisect_left(self._versions, record_version(sequence + 1, 0))
        return frozenset(self._versions[first:end])


def superseded(arrivals: Table, directory: Path) -> Superseded:
    """Go through a table of arrivals. Memory: 8 bytes for each version that is found.

    Args:
        directory: an empty one, for what does not fit into memory.

    Raises:
        LakeUnavailable, LakeDamaged
    """

    def find(now: Snapshot) -> "array[int]":
        with scratch(directory) as work:
            work.do("CREATE TABLE arrivals (id UUID, version BIGINT)")
            for rows in now.stream(["record_id", "version"], rows=65_536):
                work.take(_TAKE, rows)
            return array("q", (version for (version,) in work.run(_FIND)))

    return Superseded(arrivals.read(find, array("q")))
