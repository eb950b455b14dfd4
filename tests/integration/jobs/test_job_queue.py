import pytest

from everlake.catalog import jobs
from everlake.catalog.jobs import JobKind, JobRow, JobState, NewJob
from everlake.jobs.queue import JobQueue, job_owner
from everlake.jobs.types import JobFailure
from everlake.retry import RetryPolicy
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture
from tests.support.job_rows import job_of, job_rows

KIND = JobKind.EXTRACT_TEXT
LEASE_MS = 60_000
POLICY = RetryPolicy(max_attempts=2, base_ms=5_000, jitter=0)


def enqueue(home: CatalogFixture, *subjects: str, kind: JobKind = KIND) -> None:
    now = home.catalog.now_ms()
    new = [
        NewJob(kind=kind, subject=subject, workspace_id=home.workspace_id, due_at=now)
        for subject in subjects
    ]
    with home.catalog.transaction() as tx:
        jobs.enqueue(tx, new, now=now)


@pytest.fixture
def queue(home: CatalogFixture) -> JobQueue:
    return JobQueue(home.catalog, owner=job_owner("worker"), lease_ms=LEASE_MS)


def expire(home: CatalogFixture) -> None:
    with home.catalog.transaction() as tx:
        jobs.expire_leases(tx, job_owner("worker"), now=home.catalog.now_ms())


def test_leases_are_renewed_while_their_jobs_are_worked_on(
    home: CatalogFixture, queue: JobQueue
) -> None:
    enqueue(home, "1", "2", "3")
    other = JobKind.TRANSCRIBE_RECORDING
    enqueue(home, "4", kind=other)
    with queue.claimed(KIND, limit=2) as claimed, queue.claimed(other, limit=2) as recordings:
        assert len(claimed) == 2
        expire(home)
        queue.renew()
        held = {job.key for job in (*claimed, *recordings)}
        leases = {job.key: job.due_at for job in job_rows(home.catalog) if job.key in held}
        assert all(until > home.catalog.now_ms() + LEASE_MS / 2 for until in leases.values())
    expire(home)
    queue.renew()
    assert all(job.due_at <= home.catalog.now_ms() for job in job_rows(home.catalog))


def test_a_thread_that_lost_its_job_to_another_of_its_worker_does_not_end_the_renewal(
    home: CatalogFixture, queue: JobQueue
) -> None:
    enqueue(home, "1")
    slow = queue.claimed(KIND, limit=1)
    held = slow.__enter__()
    expire(home)
    with queue.claimed(KIND, limit=1) as again:
        assert [job.attempts for job in again] == [1]
        slow.__exit__(None, None, None)
        expire(home)
        queue.renew()
        assert job_of(home.catalog, KIND, "1").due_at > home.catalog.now_ms()
        with queue.transaction() as tx:
            assert tx.complete(held) == []
            assert tx.complete(again) == again
    assert job_rows(home.catalog) == []


def test_an_attempt_ends_as_the_policy_says(home: CatalogFixture, queue: JobQueue) -> None:
    def fail(job: JobRow, *, retryable: bool) -> JobFailure:
        return JobFailure(job=job, code="BROKEN", message="m", retryable=retryable)

    enqueue(home, "final", "retried")
    with queue.claimed(KIND, limit=2) as claimed, queue.transaction() as tx:
        final, retried = sorted(claimed, key=lambda job: job.subject)
        attempts = tx.retry_or_fail(
            [fail(final, retryable=False), fail(retried, retryable=True)], POLICY
        )
        assert [one.due_at for one in attempts] == [None, tx.now + POLICY.base_ms]
    assert job_of(home.catalog, KIND, "final").state is JobState.FAILED
    assert job_of(home.catalog, KIND, "retried").state is JobState.PENDING
    with queue.transaction() as tx:
        later = tx.now + POLICY.base_ms
        [again] = jobs.claim(
            tx.connection,
            KIND,
            owner=job_owner("worker"),
            now=later,
            lease_ms=1,
            limit=2,
            workspace_id=home.workspace_id,
        )
        assert (again.subject, again.attempts) == ("retried", 1)
        [last] = tx.retry_or_fail([fail(again, retryable=True)], POLICY)
        assert last.due_at is None
    assert job_of(home.catalog, KIND, "retried").state is JobState.FAILED


def test_workspaces_take_turns_however_many_jobs_each_has(
    home: CatalogFixture, queue: JobQueue
) -> None:
    enqueue(home, *(f"{n:03}" for n in range(100)))
    stranger = catalog_fixture(home.catalog)
    enqueue(stranger, "late")
    done: list[str] = []
    for _ in range(2):
        with queue.claimed(KIND, limit=1) as claimed, queue.transaction() as tx:
            done += [job.workspace_id for job in tx.complete(claimed)]
    assert set(done) == {home.workspace_id, stranger.workspace_id}


def test_threads_begin_with_the_workspace_that_has_the_fewest_running_jobs(
    home: CatalogFixture, queue: JobQueue
) -> None:
    enqueue(home, "1", "2", "3")
    stranger = catalog_fixture(home.catalog)
    with queue.claimed(KIND, limit=1), queue.claimed(KIND, limit=1):
        enqueue(stranger, "late")
        with queue.claimed(KIND, limit=1) as claimed:
            assert [job.subject for job in claimed] == ["late"]


def test_a_workspace_whose_jobs_are_not_to_be_claimed_is_passed_over(
    home: CatalogFixture, queue: JobQueue
) -> None:
    enqueue(home, "1")
    stranger = catalog_fixture(home.catalog)
    enqueue(stranger, "2")
    skipped = {home.workspace_id}
    with queue.claimed(KIND, limit=9, skip_workspaces=lambda _: skipped) as claimed:
        assert [job.subject for job in claimed] == ["2"]
        with queue.claimed(KIND, limit=9, skip_workspaces=lambda _: skipped) as rest:
            assert rest == []


def test_released_jobs_are_due_after_the_delay(home: CatalogFixture, queue: JobQueue) -> None:
    enqueue(home, "1", "2")
    with queue.claimed(KIND, limit=2) as claimed, queue.transaction() as tx:
        tx.release(claimed[:1])
        tx.release(claimed[1:], delay_ms=LEASE_MS)
    with queue.claimed(KIND, limit=2) as again:
        assert [(job.subject, job.attempts) for job in again] == [(claimed[0].subject, 0)]


def test_an_error_in_a_transaction_changes_nothing(home: CatalogFixture, queue: JobQueue) -> None:
    enqueue(home, "1")

    def complete_and_fail(claimed: list[JobRow]) -> None:
        with queue.transaction() as tx:
            tx.complete(claimed)
            raise ValueError("on purpose")

    with queue.claimed(KIND, limit=1) as claimed:
        with pytest.raises(ValueError, match="on purpose"):
            complete_and_fail(claimed)
        assert job_rows(home.catalog) == claimed
