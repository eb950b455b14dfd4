"""Stage runner: claims batches of one status, processes them, and records the outcome."""

from collections.abc import Collection, Iterable, Sequence

from everlake import tracing
from everlake.catalog import batch_queue
from everlake.catalog.database import Catalog
from everlake.contract.batches import BatchStatus
from everlake.lake import LakeDamaged
from everlake.lake.writer_leases import WriterLeaseLost, WriterLeases
from everlake.logs import logger
from everlake.metrics import Metrics
from everlake.model.batches import BatchRow
from everlake.retry import RetryPolicy
from everlake.worker.errors import PERMANENT_ERRORS, TRANSIENT_ERRORS
from everlake.worker.types import Stage, lease_owner

_log = logger()


class StageRunner:
    """Runs one stage for one worker.

    Args:
        catalog: has the batch queue.
        writer_leases: the right to write a workspace's tables.
        stage: the stage.
        worker: this worker's name.
        lease_ms: milliseconds for which a claim holds without renewal.
        retry_policy: when a batch is tried again, and when it is given up.
        metrics: counts what moves forward; metrics of its own when None.
    """

    def __init__(
        self,
        catalog: Catalog,
        writer_leases: WriterLeases,
        stage: Stage,
        *,
        worker: str,
        lease_ms: int,
        retry_policy: RetryPolicy,
        metrics: Metrics | None = None,
    ) -> None:
        self._catalog = catalog
        self._writer_leases = writer_leases
        self._stage = stage
        self._owner = lease_owner(worker, stage.name)
        self._lease_ms = lease_ms
        self._retry_policy = retry_policy
        self._metrics = metrics or Metrics()
        self._claimed_ids: frozenset[str] = frozenset()
        self._retries_first = False

    @property
    def yields_to(self) -> BatchStatus | None:
        """The status whose batches are processed before those of this stage."""
        return self._stage.yields_to

    def is_processing(self, status: BatchStatus) -> bool:
        """Return whether the stage takes batches in ``status`` and is working on some."""
        return self._stage.input_status is status and bool(self._claimed_ids)

    def run_once(self) -> bool:
        """Claim some batches of a workspace and process them; return False when none were due.

        Raises:
            CatalogUnavailable: the outcome could not be recorded. The batches stay claimed until
                a later call can release them, and no attempt is counted.
        """
        self._release_claims(self._claimed_ids)
        if not self._is_due():
            return False
        # Batches that failed before and new ones take turns, so that neither kind starves.
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
        """Extend the leases of the batches that are being processed."""
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
        """Claim batches that are due; only one when they failed before or their worker died.

        So a bad batch takes no others with it, and a worker's death is counted only against the
        batch that may have caused it.
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
        if self._retry_policy.is_exhausted(attempts):
            reason = group[0].failure or "the worker ended while it processed this batch"
            self._fail(ids, f"given up after {attempts} attempts: {reason}")
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
            self._postpone(ids, self._retry_policy.base_ms, "another worker writes this workspace")
        except TRANSIENT_ERRORS as error:
            self._postpone(ids, self._retry_policy.base_ms, str(error))
        except LakeDamaged as error:
            self._retry_damaged_table(group, error, attempts)
        except PERMANENT_ERRORS as error:
            self._fail_or_bisect(group, error)
        except Exception as error:  # noqa: BLE001 - whatever the error, the batch is tried again
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
            # Which of them moved is not known; the worker that has the others counts them.
            _log.warning("lost claims", stage=self._stage.name, batches=len(ids) - moved)
        else:
            lags = ((now - batch.created_at) / 1000 for batch in group)
            self._metrics.record_status_reached(self._stage.output_status, lags)

    def _postpone(self, ids: Sequence[str], wait_ms: int, reason: str) -> None:
        _log.warning("postponed", stage=self._stage.name, batches=len(ids), reason=reason)
        with self._catalog.transaction() as tx:
            batch_queue.release(tx, ids, owner=self._owner, now=self._catalog.now_ms() + wait_ms)

    def _fail_or_bisect(self, group: Sequence[BatchRow], error: Exception) -> None:
        if len(group) == 1:
            self._fail([group[0].id], f"its landing object cannot be read: {error}")
            return
        half = len(group) // 2
        self._process(group[:half])
        self._process(group[half:])

    def _retry_damaged_table(
        self, group: Sequence[BatchRow], error: LakeDamaged, attempts: int
    ) -> None:
        """Try again, each batch by itself, and never give up: a rebuild may repair the tables."""
        if not self._retry_policy.is_exhausted(attempts + 1):
            _log.error("the lake is damaged", stage=self._stage.name, reason=str(error))
            self._retry(group, error, attempts)
        else:
            self._postpone([batch.id for batch in group], self._retry_policy.max_ms, str(error))

    def _retry(self, group: Sequence[BatchRow], error: Exception, attempts: int) -> None:
        reason = f"{type(error).__name__}: {error}"
        with self._catalog.transaction() as tx:
            batch_queue.schedule_retry(
                tx,
                [batch.id for batch in group],
                owner=self._owner,
                now=self._catalog.now_ms(),
                delay_ms=self._retry_policy.delay_ms(attempts),
                reason=reason,
            )

    def _fail(self, ids: Sequence[str], reason: str) -> None:
        _log.error("batch failed", stage=self._stage.name, batches=ids, reason=reason)
        with self._catalog.transaction() as tx:
            now = self._catalog.now_ms()
            failed = batch_queue.fail(tx, ids, owner=self._owner, now=now, reason=reason)
        self._metrics.count_failed_batches(failed)
