"""How far a measured server's batches are, read from its catalog as the command line reads it."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec
from sqlalchemy import Connection, func, select

from everlake.catalog import batches, table_definitions
from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog
from everlake.contract.batches import BatchStatus
from everlake.model.batches import BatchRow
from everlake.settings import load

_POLL_SECONDS = 0.25
_PAGE_SIZE = 500

Curve = list[tuple[float, float]]
"""Points (seconds, records), both growing."""


class ProgressCurves(msgspec.Struct, frozen=True):
    """When how many records had come so far: curves that start at (0, 0)."""

    accepted: Curve
    landed: Curve
    complete: Curve


def wait_until_complete(
    data: Path,
    workspace_id: str,
    count: int,
    within: float,
    env: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Return when ``count`` batches of the workspace are ``COMPLETE``.

    Raises:
        RuntimeError: a batch failed, or they are not in time.
    """
    catalog = _catalog(data, env)
    deadline = time.monotonic() + within
    try:
        while True:
            with catalog.snapshot() as tx:
                counts = _counts_by_status(tx, workspace_id)
            if failed := counts.get(BatchStatus.FAILED):
                raise RuntimeError(f"{failed} batches failed")
            if counts.get(BatchStatus.COMPLETE, 0) >= count:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"not complete within {within:g} s: {counts}")
            time.sleep(_POLL_SECONDS)
    finally:
        catalog.close()


def progress_curves(
    data: Path,
    workspace_id: str,
    started_at: float,
    env: Mapping[str, str] = MappingProxyType({}),
) -> ProgressCurves:
    """The curves of all batches of the workspace, from the times in the catalog.

    Args:
        started_at: Unix time of the curves' zero.
    """
    rows = _all_batches(data, workspace_id, env)
    return ProgressCurves(
        accepted=_curve([(row.created_at, row.accepted) for row in rows], started_at),
        landed=_curve([(row.landed_at or 0, row.accepted) for row in rows], started_at),
        complete=_curve([(row.completed_at or 0, row.accepted) for row in rows], started_at),
    )


class StatusLags(msgspec.Struct, frozen=True):
    """Seconds from the creation of each batch to ``LANDED`` and to ``COMPLETE``."""

    landed: list[float]
    complete: list[float]


def status_lags(data: Path, workspace_id: str, since: float, env: Mapping[str, str]) -> StatusLags:
    """Those of the workspace's batches that were created since that Unix time."""
    rows = [row for row in _all_batches(data, workspace_id, env) if row.created_at >= since * 1000]
    return StatusLags(
        landed=[((row.landed_at or 0) - row.created_at) / 1000 for row in rows],
        complete=[((row.completed_at or 0) - row.created_at) / 1000 for row in rows],
    )


def _counts_by_status(tx: Connection, workspace_id: str) -> dict[BatchStatus, int]:
    c = table_definitions.batches.c
    statement = select(c.status, func.count()).where(c.workspace_id == workspace_id)
    return {row[0]: row[1] for row in tx.execute(statement.group_by(c.status))}


def _all_batches(data: Path, workspace_id: str, env: Mapping[str, str]) -> list[BatchRow]:
    catalog = _catalog(data, env)
    try:
        with catalog.snapshot() as tx:
            rows: list[BatchRow] = []
            while page := batches.page(
                tx, workspace_id, limit=_PAGE_SIZE, before=rows[-1].id if rows else None
            ):
                rows += page
            return rows
    finally:
        catalog.close()


def _catalog(data: Path, env: Mapping[str, str]) -> Catalog:
    """As the server with that environment has it."""
    return open_catalog(load({"data": str(data)}, environ=env).catalog_url)


def _curve(steps: Sequence[tuple[int, int]], started_at: float) -> Curve:
    curve: Curve = [(0.0, 0.0)]
    for moment, records in sorted(steps):
        curve.append((moment / 1000 - started_at, curve[-1][1] + records))
    return curve
