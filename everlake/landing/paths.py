"""Paths of landing objects: a Hive layout, which DuckDB and Spark can read."""

from datetime import UTC, datetime

import msgspec

ROOT = "landing"
ORPHANS = "orphans"
"""Directory to which garbage collection moves objects of no batch, with their path below it."""
ACCEPTED_SUFFIX = ".ndjson.zst"
REJECTED_SUFFIX = ".rejected.ndjson.zst"
UNKNOWN_TYPE = "unknown"
"""Type in the path of a batch in which no record had a valid ``_type``."""


class LandingPaths(msgspec.Struct, frozen=True):
    """Paths of the two objects of one batch."""

    accepted: str
    rejected: str


def landing_paths(
    workspace_id: str, source: str, record_type: str | None, batch_id: str, created_at: int
) -> LandingPaths:
    """Return the paths of a batch's objects, with the date of ``created_at`` (Unix ms) in UTC."""
    date = datetime.fromtimestamp(created_at / 1000, UTC).date().isoformat()
    stem = (
        f"{landing_folder(workspace_id)}/source={source}"
        f"/type={record_type or UNKNOWN_TYPE}/date={date}/{batch_id}"
    )
    return LandingPaths(stem + ACCEPTED_SUFFIX, stem + REJECTED_SUFFIX)


def landing_folder(workspace_id: str) -> str:
    """Return the directory of a workspace's objects."""
    return f"{ROOT}/workspace={workspace_id}"


def batch_id_of(path: str) -> str:
    """Return the id of the batch that an object belongs to, also for an interrupted write."""
    return path.rpartition("/")[2].partition(".")[0]


def is_complete(path: str) -> bool:
    """Return whether the path is that of a complete object, and not of an interrupted write."""
    return path.endswith(ACCEPTED_SUFFIX)
