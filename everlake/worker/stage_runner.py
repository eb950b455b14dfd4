"""Taking batches off the catalog's queue, and putting them where they belong afterwards."""

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from everlake import tracing
from everlake.catalog import batch_queue
from everlake.catalog.batches import BatchRow
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogUnavailable
from everlake.contract.batches import BatchStatus
from everlake.lake import LakeDamaged, LakeUnavailable
from everlake.lake.writer_leases import WriterLeaseLost, WriterLeases
from everlake.landing.lines import LandingDamaged
from everlake.logs import logger
from everlake.metrics import Metrics
from everlake.storage import ObjectMissing, StorageUnavailable

TRANSIENT_ERRORS = (CatalogUnavailable, StorageUnavailable, LakeUnavailable)
"""What passes by itself: waited out, and never counted against a batch."""
PERMANENT_ERRORS = (LandingDamaged, ObjectMissing)
"""What no further try can mend."""

_MAX_RETRY_MS = 60_000

_log = logger()


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a batch's way.

    ``work`` does it for batches of one workspace at once, and is right when it is done again.
    Batches that are due in ``lets_first`` go before it.
    """

    name: str
    input_status: BatchStatus
    claimed_status: BatchStatus | None
    output_status: BatchStatus
    yields_to: BatchStatus | None = None
    process: Callable[[Sequence[BatchRow]], None]
    max_batches: int
    max_records: int
    max_bytes: int


class StageRunner:
    """One stage's share of the queue, for one worker.

    Args:
        catalog: where the queue lies.
        writers: the right to write a workspace's lake.
        stage: what is done.
        worker: this worker's name.
        lease_ms: milliseconds a claim holds without renewal.
        retry_ms: wait after the first failure; doubled after each further one.
        max_attempts: tries before a batch is given up.
        meters: count what moves forward; of its own where left out.
    """

    def __init__(
        self,
        catalog: Catalog,
        writer_leases: WriterLeases,
        stage: Stage,
        *,
        worker: str,
        lease_ms: int,
        retry_ms: int,
        max_attempts: int,
        metrics: Metrics | None = None,
    ) -> None:
        self._catalog = catalog
        self._writer_leases = writer_leases
        self._stage = stage
        self._owner = lease_owner(worker, stage.name)
        self._lease_ms = lease_ms
        self._retry_ms = retry_ms
        self._max_attempts = max_attempts
        self._metrics = metrics or Metrics()
        self._claimed_ids: frozenset[str] = frozenset()
        self._retries_first = False

    @property
    def yields_to(self) -> BatchStatus | None:
        """The status whose batches go before this stage's."""
        return self._stage.yields_to

    def is_processing(self, status: BatchStatus) -> bool:
        """Whether a step is under way that takes batches in ``status``."""
        return self._stage.input_status is status and bool(self._claimed_ids)

    def run_once(self) -> bool:
        """Claim some batches and work on them; False where there was nothing to do.

        Raises:
            CatalogUnavailable: what was claimed stays claimed until a later step can put it back,
                with no attempt counted.
        """
        self._release_claims(self._claimed_ids)
        if not self._is_due():
            return False
        # In turn, so that neither kind waits for ever.
        for failed_before in (self._retries_first, not self._retries_first):
            claimed = self._claim(failed_before=failed_before)
            if claimed:
                self._retries_first = not failed_before
                self._set_claimed(batch.id for batch in claimed)
                self._process(claimed)
                self._set_claimed(())
                return True
        return False

    def renew(self) -> None:
        """Keep the claims of the step that is under way."""
        held = self._claimed_ids
        if held:
            with self._catalog.transaction() as tx:
                batch_queue.renew(tx, self._owner, held, self._catalog.now_ms() + self._lease_ms)

    def _set_claimed(self, ids: Iterable[str]) -> None:
        self._claimed_ids = frozenset(ids)

    def _release_claims(self, ids: Collection[str]) -> None:
        if ids:
            with self._catalog.transaction() as tx:
                batch_queue.release(tx, ids, owner=self._owner, now=self._catalog.now_ms())
            self._set_claimed(self._claimed_ids.difference(ids))

    def _is_due(self) -> bool:
        with self._catalog.autocommit() as tx:
            return batch_queue.is_due(tx, self._stage.input_status, now=self._catalog.now_ms())

    def _claim(self, *, failed_before: bool) -> list[BatchRow]:
        """Batches that wait; of those that failed before, or were in a dead worker's hands, one.

        So it harms no other, and a death is counted against no batch that only waited.
        """
        stage = self._stage
        taken_over: list[str] = []
        with self._catalog.transaction() as tx:
            claimed = batch_queue.claim(
                tx,
                status=stage.input_status,
                to=stage.claimed_status,
                owner=self._owner,
                now=self._catalog.now_ms(),
                lease_ms=self._lease_ms,
                max_batches=1 if failed_before else stage.max_batches,
                max_records=stage.max_records,
                max_bytes=stage.max_bytes,
                skip_workspaces=self._writer_leases.held_by_others(tx),
                failed_before=failed_before,
                expired=taken_over,
            )
        self._metrics.count_lease_takeovers("batch", len(taken_over))
        return claimed

    def _process(self, group: Sequence[BatchRow]) -> None:
        ids = [batch.id for batch in group]
        attempts = max(batch.attempts for batch in group)
        if attempts >= self._max_attempts:
            reason = group[0].failure or "the worker ended while it was at work on this batch"
            self._fail(ids, f"given up after {attempts} tries: {reason}")
            return
        try:
            traced = {batch.id: batch.traceparent for batch in group}
            with (
                self._writer_leases.holding(group[0].workspace_id),
                tracing.batch_spans(self._stage.name, traced),
            ):
                self._stage.process(group)
            self._writer_leases.mark_written(group[0].workspace_id)
        except WriterLeaseLost:
            self._defer(ids, self._retry_ms, "another worker writes this workspace")
        except TRANSIENT_ERRORS as error:
            self._defer(ids, self._retry_ms, str(error))
        except LakeDamaged as error:
            self._retry_damaged_table(group, error, attempts)
        except PERMANENT_ERRORS as error:
            self._fail_or_bisect(group, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the batch is tried again
            _log.exception("step failed", stage=self._stage.name, batches=ids)
            self._retry(group, error, attempts)
        else:
            self._advance(group)

    def _advance(self, group: Sequence[BatchRow]) -> None:
        ids = [batch.id for batch in group]
        now = self._catalog.now_ms()
        with self._catalog.transaction() as tx:
            moved = batch_queue.advance(
                tx, ids, owner=self._owner, to=self._stage.output_status, now=now
            )
        if moved < len(ids):
            # Which of them moved is not known; whoever has the others counts those.
            _log.warning("lost claims", stage=self._stage.name, batches=len(ids) - moved)
        else:
            lags = ((now - batch.created_at) / 1000 for batch in group)
            self._metrics.record_status_reached(self._stage.output_status, lags)

    def _defer(self, ids: Sequence[str], wait_ms: int, reason: str) -> None:
        _log.warning("waiting", stage=self._stage.name, batches=len(ids), reason=reason)
        with self._catalog.transaction() as tx:
            batch_queue.release(tx, ids, owner=self._owner, now=self._catalog.now_ms() + wait_ms)

    def _fail_or_bisect(self, group: Sequence[BatchRow], error: Exception) -> None:
        if len(group) == 1:
            self._fail([group[0].id], f"its landing object is lost: {error}")
            return
        half = len(group) // 2
        self._process(group[:half])
        self._process(group[half:])

    def _retry_damaged_table(
        self, group: Sequence[BatchRow], error: LakeDamaged, attempts: int
    ) -> None:
        """Try again, each batch by itself, and never give up: the next tables may be better."""
        if attempts + 1 < self._max_attempts:
            _log.error("the lake is damaged", stage=self._stage.name, reason=str(error))
            self._retry(group, error, attempts)
        else:
            self._defer([batch.id for batch in group], _MAX_RETRY_MS, str(error))

    def _retry(self, group: Sequence[BatchRow], error: Exception, attempts: int) -> None:
        wait = min(self._retry_ms << attempts, _MAX_RETRY_MS)
        reason = f"{type(error).__name__}: {error}"
        with self._catalog.transaction() as tx:
            batch_queue.schedule_retry(
                tx,
                [batch.id for batch in group],
                owner=self._owner,
                now=self._catalog.now_ms(),
                delay_ms=wait,
                reason=reason,
            )

    def _fail(self, ids: Sequence[str], reason: str) -> None:
        _log.error("batch failed", stage=self._stage.name, batches=ids, reason=reason)
        with self._catalog.transaction() as tx:
            now = self._catalog.now_ms()
            failed = batch_queue.fail(tx, ids, owner=self._owner, now=now, reason=reason)
        self._metrics.count_failed_batches(failed)


def lease_owner(worker: str, stage: str) -> str:
    """The name under which a worker's stage holds its claims."""
    return f"{worker}/{stage}"
