"""Where landing objects lie: a Hive layout that DuckDB and Spark read as it is."""

from datetime import UTC, datetime

import msgspec

ROOT = "landing"
ORPHANS = "orphans"
"""Where the sweep puts what it takes out of the archive; the rest of the path stays."""
ACCEPTED_SUFFIX = ".ndjson.zst"
REJECTED_SUFFIX = ".rejected.ndjson.zst"
UNKNOWN_TYPE = "unknown"
"""The folder of a batch in which no record had a valid ``_type``."""


class LandingPaths(msgspec.Struct, frozen=True):
    """The two objects of one batch."""

    accepted: str
    rejected: str


def landing_paths(
    workspace_id: str, source: str, record_type: str | None, batch_id: str, created_at: int
) -> LandingPaths:
    """Paths of a batch's objects; the date is that of ``created_at`` (Unix ms) in UTC."""
    date = datetime.fromtimestamp(created_at / 1000, UTC).date().isoformat()
    stem = (
        f"{landing_folder(workspace_id)}/source={source}"
        f"/type={record_type or UNKNOWN_TYPE}/date={date}/{batch_id}"
    )
    return LandingPaths(stem + ACCEPTED_SUFFIX, stem + REJECTED_SUFFIX)


def landing_folder(workspace_id: str) -> str:
    """The folder of all of a workspace's objects."""
    return f"{ROOT}/workspace={workspace_id}"


def batch_id_of(path: str) -> str:
    """The batch that the object at ``path`` belongs to, also for a cut-off write."""
    return path.rpartition("/")[2].partition(".")[0]


def is_complete(path: str) -> bool:
    """Whether the object at ``path`` was written to its end."""
    return path.endswith(ACCEPTED_SUFFIX)
