"""Job queue of one worker: claims, heartbeat and outcomes of its jobs."""

import threading
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager

from everlake.catalog import jobs
from everlake.catalog.database import Catalog, Connection
from everlake.catalog.jobs import FailedAttempt, JobKind, JobRow
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
        self._lock = threading.Lock()

    @contextmanager
    def claimed(
        self,
        kind: JobKind,
        *,
        limit: int,
        single_workspace: bool = False,
        skip_workspaces: Callable[[Connection], Collection[str]] | None = None,
    ) -> Generator[list[JobRow]]:
        """Claim jobs that are due, and renew their leases for the length of a block.

        Where none is due, that costs one statement. Jobs that the block has not completed, failed
        or released when it ends are claimed again once their leases run out.

        Args:
            limit: number of jobs.
            single_workspace: only jobs of one workspace.
            skip_workspaces: returns the workspaces whose jobs are left.

        Raises:
            CatalogUnavailable: the database does not answer.
        """
        claimed = self._claim(kind, limit, single_workspace, skip_workspaces)
        with self._lock:
            self._held.update({job.key: job for job in claimed})
        try:
            yield claimed
        finally:
            with self._lock:
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
        single_workspace: bool,
        skip_workspaces: Callable[[Connection], Collection[str]] | None,
    ) -> list[JobRow]:
        with self._catalog.autocommit() as tx:
            if not jobs.is_due(tx, kind, now=self._catalog.now_ms()):
                return []
        with self._catalog.transaction() as tx:
            return jobs.claim(
                tx,
                kind,
                owner=self._owner,
                now=self._catalog.now_ms(),
                lease_ms=self._lease_ms,
                limit=limit,
                single_workspace=single_workspace,
                skip_workspaces=skip_workspaces(tx) if skip_workspaces else (),
            )


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
