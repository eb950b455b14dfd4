"""Quotas of workspaces: what one has stored in all, and has sent today, against its limits."""

import threading
import time
from collections import defaultdict

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from everlake.catalog.database import Catalog
from everlake.catalog.errors import QuotaExceeded
from everlake.catalog.table_definitions import attachments, batches
from everlake.contract.attachments import AttachmentStatus
from everlake.contract.ids import first_id_at

CACHE_SECONDS = 5.0
"""Time for which a sum is reused."""
_LONGEST_WAIT_SECONDS = 3_600.0
"""Longest ``Retry-After``: the operator may raise a quota meanwhile."""
_COST_FACTOR = 20
"""A sum is reused for so many times the time that it took."""
_DAY_MS = 86_400_000

_b, _a = batches.c, attachments.c
_RECORD_BYTES = select(
    func.coalesce(func.sum(_b.landing_bytes), 0), func.coalesce(func.max(_b.sequence), 0)
).where(_b.workspace_id == bindparam("workspace"), _b.sequence > bindparam("after"))
_CONTENTS = (
    # Content is stored once, however many attachments have it.
    select(func.max(_a.size).label("size"))
    .where(_a.status == AttachmentStatus.COMPLETE.value, _a.workspace_id == bindparam("workspace"))
    .group_by(_a.sha256)
    .subquery()
)
_CONTENT_BYTES = select(func.coalesce(func.sum(_CONTENTS.c.size), 0))
_RECORDS = select(func.coalesce(func.sum(_b.accepted + _b.rejected), 0)).where(
    _b.workspace_id == bindparam("workspace"), _b.id >= bindparam("first")
)


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What counts against a workspace's quotas.

    Attributes:
        record_bytes: of accepted records before compression, of all batches up to ``sequence``.
        sequence: of the last batch that is counted.
        content_bytes: of the stored content of attachments.
        records: accepted and rejected ones of today (UTC).
    """

    record_bytes: int = 0
    sequence: int = 0
    content_bytes: int = 0
    records: int = 0


def measure(
    tx: Connection, workspace_id: str, earlier: Usage, *, now: int, with_bytes: bool, with_day: bool
) -> Usage:
    """Return a workspace's usage.

    Args:
        tx: of the catalog.
        workspace_id: of the workspace.
        earlier: an earlier usage, to which the bytes of later batches are added.
        now: Unix milliseconds.
        with_bytes: count bytes.
        with_day: count today's records.
    """
    usage = earlier
    if with_bytes:
        # Sequence numbers are given out under a lock: no batch gets a lower one later.
        given = {"workspace": workspace_id, "after": earlier.sequence}
        added, last = tx.execute(_RECORD_BYTES, given).one()
        content = tx.execute(_CONTENT_BYTES, {"workspace": workspace_id}).scalar_one()
        usage = msgspec.structs.replace(
            usage,
            record_bytes=earlier.record_bytes + int(added),
            sequence=max(earlier.sequence, last),
            content_bytes=int(content),
        )
    if with_day:
        first = first_id_at(now - now % _DAY_MS)
        records = tx.execute(_RECORDS, {"workspace": workspace_id, "first": first}).scalar_one()
        usage = msgspec.structs.replace(usage, records=int(records))
    return usage


class _Entry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.usage: Usage | None = None
        self.valid_until = 0.0


class WorkspaceQuotas:
    """Checks of workspaces against their quotas; thread-safe.

    A workspace's usage is measured every few seconds by each process, so a quota may be exceeded
    by what arrives in between.

    Args:
        catalog: has the batches and attachments.
        total_bytes: most of records and attachments that a workspace has; 0: no limit.
        records_per_day: most records that a workspace sends on a day (UTC); 0: no limit.
    """

    def __init__(self, catalog: Catalog, *, total_bytes: int, records_per_day: int) -> None:
        self._catalog = catalog
        self._total_bytes = total_bytes
        self._records_per_day = records_per_day
        self._entries: defaultdict[str, _Entry] = defaultdict(_Entry)

    @property
    def enabled(self) -> bool:
        """Whether there is any quota."""
        return bool(self._total_bytes or self._records_per_day)

    def require_records(self, workspace_id: str) -> None:
        """Check that the workspace may send more records.

        Raises:
            QuotaExceeded: it has reached a quota.
            CatalogError: the catalog cannot be read now.
        """
        self.require_bytes(workspace_id)
        if not self._records_per_day:
            return
        records = self._usage(workspace_id).records
        if records >= self._records_per_day:
            seconds = (_DAY_MS - self._catalog.now_ms() % _DAY_MS) / 1_000
            raise QuotaExceeded(
                f"This workspace has sent {records:,} records today, and the limit is "
                f"{self._records_per_day:,}. Send the rest after midnight (UTC), or let the "
                "operator of the server raise EVERLAKE_QUOTA_RECORDS_PER_DAY.",
                retry_after=min(max(1.0, seconds), _LONGEST_WAIT_SECONDS),
            )

    def require_bytes(self, workspace_id: str, size: int = 1) -> None:
        """Check that the workspace may store so many more bytes.

        Raises:
            QuotaExceeded: it would exceed its quota.
            CatalogError: the catalog cannot be read now.
        """
        if not self._total_bytes:
            return
        usage = self._usage(workspace_id)
        stored = usage.record_bytes + usage.content_bytes
        if stored + size > self._total_bytes:
            raise QuotaExceeded(
                f"This workspace has {stored:,} bytes of records and attachments, and the limit is "
                f"{self._total_bytes:,}. Let the operator of the server raise "
                "EVERLAKE_QUOTA_BYTES, then send again.",
                retry_after=_LONGEST_WAIT_SECONDS,
            )

    def _usage(self, workspace_id: str) -> Usage:
        entry = self._entries[workspace_id]
        # While another thread measures, what was known before is good enough.
        if not entry.lock.acquire(blocking=entry.usage is None):
            return entry.usage or Usage()
        try:
            if entry.usage is None or time.monotonic() >= entry.valid_until:
                began = time.monotonic()
                entry.usage = self._measure(workspace_id, entry.usage or Usage())
                ended = time.monotonic()
                entry.valid_until = ended + max(CACHE_SECONDS, _COST_FACTOR * (ended - began))
            return entry.usage
        finally:
            entry.lock.release()

    def _measure(self, workspace_id: str, earlier: Usage) -> Usage:
        with self._catalog.snapshot() as tx:
            return measure(
                tx,
                workspace_id,
                earlier,
                now=self._catalog.now_ms(),
                with_bytes=self._total_bytes > 0,
                with_day=self._records_per_day > 0,
            )
