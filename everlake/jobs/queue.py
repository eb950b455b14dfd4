"""Job queue of one worker: claims, heartbeat and outcomes of its jobs."""

import threading
import time
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager

from everlake.catalog import jobs
from everlake.catalog.database import Catalog, Connection
from everlake.catalog.jobs import FailedAttempt, JobKind, JobRow
from everlake.jobs.shares import WorkspaceShares
from everlake.jobs.types import JobFailure
from everlake.retry import RetryPolicy


class JobQueue:
    """The jobs that one worker holds. Methods may be called from any thread.

    Args:
        catalog: has the jobs.
        owner: name of the leases, from :func:`job_owner`.
        lease_ms: milliseconds a lease holds, unless renewed.
    """

    def __init__(self, catalog: Catalog, *, owner: str, lease_ms: int) -> None:
        self._catalog = catalog
        self._owner = owner
        self._lease_ms = lease_ms
        self._held: dict[tuple[JobKind, str], JobRow] = {}
        self._shares = {kind: WorkspaceShares() for kind in JobKind}
        self._lock = threading.Lock()
        # Two threads that claim at the same moment would both choose the same workspace.
        self._claiming = threading.Lock()

    @contextmanager
    def claimed(
        self,
        kind: JobKind,
        *,
        limit: int,
        skip_workspaces: Callable[[Connection], Collection[str]] | None = None,
    ) -> Generator[list[JobRow]]:
        """Claim jobs of one workspace, and renew their leases for the length of a block.

        Workspaces share the time of these blocks. Where no job is due, that costs one statement.
        Jobs that the block has not completed, failed or released when it ends are claimed again
        once their leases run out.

        Args:
            limit: most jobs. A workspace that has the next turn waits for all of them.
            skip_workspaces: returns the workspaces whose jobs are left.

        Raises:
            CatalogUnavailable: the database does not answer.
        """
        claimed = self._claim(kind, limit, skip_workspaces)
        began = time.monotonic()
        try:
            yield claimed
        finally:
            with self._lock:
                if claimed:
                    self._shares[kind].end(claimed[0].workspace_id, time.monotonic() - began)
                for job in claimed:
                    # Another thread may have claimed it since, if its lease ran out.
                    if self._held.get(job.key) is job:
                        del self._held[job.key]

    @contextmanager
    def transaction(self) -> Generator["JobTransaction"]:
        """Open a transaction in which jobs and what depends on them change together.

        Raises:
            CatalogUnavailable: nothing has changed.
        """
        with self._catalog.transaction() as tx:
            yield JobTransaction(tx, self._owner, self._catalog.now_ms())

    def renew(self) -> None:
        """Extend the leases of the jobs that are held.

        Raises:
            CatalogUnavailable: the leases end when they would have.
        """
        with self._lock:
            held = list(self._held.values())
        if held:
            until = self._catalog.now_ms() + self._lease_ms
            with self._catalog.transaction() as tx:
                jobs.renew(tx, held, owner=self._owner, until=until)

    def _claim(
        self,
        kind: JobKind,
        limit: int,
        skip_workspaces: Callable[[Connection], Collection[str]] | None,
    ) -> list[JobRow]:
        with self._catalog.autocommit() as tx:
            if not jobs.is_due(tx, kind, now=self._catalog.now_ms()):
                return []
        with self._claiming:
            with self._catalog.transaction() as tx:
                claimed = self._claim_next(tx, kind, limit, skip_workspaces)
            if claimed:
                with self._lock:
                    self._held.update({job.key: job for job in claimed})
                    self._shares[kind].begin(claimed[0].workspace_id)
        return claimed

    def _claim_next(
        self,
        tx: Connection,
        kind: JobKind,
        limit: int,
        skip_workspaces: Callable[[Connection], Collection[str]] | None,
    ) -> list[JobRow]:
        now = self._catalog.now_ms()
        skipped = skip_workspaces(tx) if skip_workspaces else ()
        due = [one for one in jobs.due_workspaces(tx, kind, now=now) if one not in skipped]
        with self._lock:
            due = self._shares[kind].order(due)
        for workspace_id in due:
            claimed = jobs.claim(
                tx,
                kind,
                owner=self._owner,
                now=now,
                lease_ms=self._lease_ms,
                limit=limit,
                workspace_id=workspace_id,
            )
            if claimed:
                return claimed
        return []


class JobTransaction:
    """A transaction that ends attempts at jobs.

    Each method leaves out jobs that this worker has lost, and returns the others, so that only
    what they stand for is changed with them.

    Attributes:
        connection: the database transaction.
        now: its time in Unix milliseconds.
    """

    def __init__(self, connection: Connection, owner: str, now: int) -> None:
        self.connection = connection
        self.now = now
        self._owner = owner

    def complete(self, done: Collection[JobRow]) -> list[JobRow]:
        """Delete jobs that are done."""
        return jobs.complete(self.connection, done, owner=self._owner)

    def release(self, held: Collection[JobRow], *, delay_ms: int = 0) -> list[JobRow]:
        """Give jobs back, due after ``delay_ms``, without counting an attempt."""
        return jobs.release(self.connection, held, owner=self._owner, due_at=self.now + delay_ms)

    def retry_or_fail(
        self, failures: Collection[JobFailure], policy: RetryPolicy
    ) -> list[FailedAttempt]:
        """Count failed attempts; schedule the next ones as ``policy`` says, or fail the jobs."""
        return jobs.record_failures(
            self.connection, [self._attempt(one, policy) for one in failures], owner=self._owner
        )

    def _attempt(self, failure: JobFailure, policy: RetryPolicy) -> FailedAttempt:
        delay_ms = policy.next_delay_ms(failure.job.attempts, retryable=failure.retryable)
        return FailedAttempt(
            job=failure.job,
            code=failure.code,
            message=failure.message,
            due_at=None if delay_ms is None else self.now + delay_ms,
        )


def job_owner(worker: str) -> str:
    """Return the name under which a worker holds jobs."""
    return f"{worker}/jobs"
