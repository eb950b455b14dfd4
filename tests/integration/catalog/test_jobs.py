from collections.abc import Sequence
from typing import Any

from everlake.catalog import jobs
from everlake.catalog.jobs import FailedAttempt, JobKind, JobRow, JobState, NewJob
from everlake.contract.errors import MAX_MESSAGE_LENGTH
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture, run_concurrently
from tests.support.job_rows import job_of, job_rows

NOW = 1_000_000
LEASE = 1_000
KIND = JobKind.EXTRACT_TEXT


def new_job(home: CatalogFixture, subject: str = "s", **changes: Any) -> NewJob:
    values: dict[str, Any] = {
        "kind": KIND,
        "subject": subject,
        "workspace_id": home.workspace_id,
        "due_at": NOW,
    }
    return NewJob(**{**values, **changes})


def enqueue(home: CatalogFixture, *new: NewJob, restart_existing: bool = True) -> None:
    with home.catalog.transaction() as tx:
        jobs.enqueue(tx, new, now=NOW, restart_existing=restart_existing)


def claim(
    home: CatalogFixture, owner: str = "a", kind: JobKind = KIND, **changes: Any
) -> list[JobRow]:
    values: dict[str, Any] = {
        "now": NOW,
        "lease_ms": LEASE,
        "limit": 100,
        "workspace_id": home.workspace_id,
    }
    with home.catalog.transaction() as tx:
        return jobs.claim(tx, kind, owner=owner, **{**values, **changes})


def subjects(found: Sequence[NewJob]) -> list[str]:
    return [job.subject for job in found]


def failed(job: JobRow, due_at: int | None = None, message: str = "m") -> FailedAttempt:
    return FailedAttempt(job=job, code="BROKEN", message=message, due_at=due_at)


def end_attempts(home: CatalogFixture, held: list[JobRow], owner: str) -> list[Sequence[Any]]:
    """What every way to end an attempt, or to keep it, says of these jobs."""
    ended: list[Sequence[Any]] = []
    with home.catalog.transaction() as tx:
        ended.append(["renewed"] * jobs.renew(tx, held, owner=owner, until=NOW + 9 * LEASE))
        ended.append(jobs.record_failures(tx, [failed(job) for job in held], owner=owner))
        ended.append(jobs.release(tx, held, owner=owner, due_at=NOW))
        ended.append(jobs.complete(tx, held, owner=owner))
    return ended


def test_a_claim_returns_jobs_as_they_are_stored_those_first_that_are_due_for_longest(
    home: CatalogFixture,
) -> None:
    enqueue(home, new_job(home, "b", due_at=NOW - 1), new_job(home, "c"), new_job(home, "a"))
    assert subjects(claim(home, limit=1)) == ["b"]
    rest = claim(home)
    assert sorted(subjects(rest)) == ["a", "c"]
    assert claim(home, "b") == []
    assert [job for job in job_rows(home.catalog) if job.subject != "b"] == sorted(
        rest, key=lambda job: job.subject
    )
    assert {(job.lease_owner, job.due_at, job.fence) for job in rest} == {("a", NOW + LEASE, 1)}


def test_jobs_that_are_not_due_are_left(home: CatalogFixture) -> None:
    enqueue(home, new_job(home, due_at=NOW + 1))
    with home.catalog.autocommit() as tx:
        assert not jobs.is_due(tx, KIND, now=NOW)
        assert jobs.is_due(tx, KIND, now=NOW + 1)
        assert not jobs.is_due(tx, JobKind.TRANSCRIBE_RECORDING, now=NOW + 1)
    assert claim(home) == []
    assert len(claim(home, now=NOW + 1)) == 1


def test_kinds_are_separate(home: CatalogFixture) -> None:
    other = JobKind.TRANSCRIBE_RECORDING
    enqueue(home, new_job(home, "same"), new_job(home, "same", kind=other))
    [mine] = claim(home)
    [theirs] = claim(home, "b", other)
    assert (mine.kind, theirs.kind) == (KIND, other)
    with home.catalog.transaction() as tx:
        assert jobs.complete(tx, [mine, theirs], owner="a") == [mine]
    assert job_rows(home.catalog) == [theirs]


def test_a_claim_leaves_jobs_of_other_workspaces(home: CatalogFixture) -> None:
    first, second = catalog_fixture(home.catalog), catalog_fixture(home.catalog)
    enqueue(home, new_job(second, "1", due_at=NOW - 1), new_job(first, "2"), new_job(second, "3"))
    assert subjects(claim(second)) == ["1", "3"]
    assert claim(second) == []
    assert subjects(claim(first)) == ["2"]


def test_the_workspaces_with_jobs_that_are_due_are_found(home: CatalogFixture) -> None:
    busy = [catalog_fixture(home.catalog) for _ in range(70)]
    enqueue(home, *(new_job(one, f"{one.workspace_id}-{n}") for one in busy for n in range(2)))
    later, other_kind = (catalog_fixture(home.catalog) for _ in range(2))
    enqueue(home, new_job(later, "later", due_at=NOW + 1))
    enqueue(home, new_job(other_kind, "other", kind=JobKind.INDEX_TEXT))
    claim(busy[0])
    with home.catalog.autocommit() as tx:
        found = jobs.due_workspaces(tx, KIND, now=NOW)
    assert sorted(found) == sorted(one.workspace_id for one in busy[1:])


def test_many_who_claim_at_once_share_without_overlap(home: CatalogFixture) -> None:
    enqueue(home, *(new_job(home, f"{number:03}") for number in range(40)))
    taken = run_concurrently(4, lambda number: claim(home, f"w{number}", limit=10))
    every = [job.subject for found in taken for job in found]
    assert len(every) == len(set(every))
    every += subjects(claim(home))
    assert sorted(every) == [f"{number:03}" for number in range(40)]


def test_a_lease_that_ran_out_counts_as_an_attempt(home: CatalogFixture) -> None:
    enqueue(home, new_job(home))
    claim(home)
    assert claim(home, "b", now=NOW + LEASE - 1) == []
    [job] = claim(home, "b", now=NOW + LEASE)
    assert (job.lease_owner, job.attempts, job.fence) == ("b", 1, 2)


def test_a_lease_is_renewed_by_its_holder(home: CatalogFixture) -> None:
    enqueue(home, new_job(home, "1"), new_job(home, "2"))
    held = claim(home)
    with home.catalog.transaction() as tx:
        assert jobs.renew(tx, held, owner="b", until=NOW + 9 * LEASE) == 0
        assert jobs.renew(tx, held, owner="a", until=NOW + 5 * LEASE) == 2
    assert claim(home, "b", now=NOW + 5 * LEASE - 1) == []


def test_a_former_holder_changes_nothing(home: CatalogFixture) -> None:
    enqueue(home, new_job(home))
    held = claim(home, "a")
    claim(home, "b", now=NOW + LEASE)
    before = job_rows(home.catalog)
    assert end_attempts(home, held, "a") == [[], [], [], []]
    assert job_rows(home.catalog) == before


def test_a_slow_thread_changes_nothing_that_its_own_worker_claimed_again(
    home: CatalogFixture,
) -> None:
    enqueue(home, new_job(home))
    slow = claim(home, "a")
    [again] = claim(home, "a", now=NOW + LEASE)
    assert end_attempts(home, slow, "a") == [[], [], [], []]
    assert job_rows(home.catalog) == [again]
    with home.catalog.transaction() as tx:
        assert jobs.complete(tx, [again], owner="a") == [again]
    assert job_rows(home.catalog) == []


def test_a_released_job_is_due_again_with_no_attempt_counted(home: CatalogFixture) -> None:
    enqueue(home, new_job(home))
    with home.catalog.transaction() as tx:
        assert len(jobs.release(tx, claim_in(tx, home), owner="a", due_at=NOW + 5)) == 1
    assert claim(home, "b") == []
    [job] = claim(home, "b", now=NOW + 5)
    assert (job.attempts, job.fence) == (0, 2)


def claim_in(tx: Any, home: CatalogFixture) -> list[JobRow]:
    return jobs.claim(
        tx,
        KIND,
        owner="a",
        now=NOW,
        lease_ms=LEASE,
        limit=9,
        workspace_id=home.workspace_id,
    )


def test_failed_attempts_are_counted_and_retried_or_final(home: CatalogFixture) -> None:
    enqueue(home, new_job(home, "final"), new_job(home, "retried"))
    held = {job.subject: job for job in claim(home)}
    with home.catalog.transaction() as tx:
        failures = [failed(held["final"]), failed(held["retried"], NOW + 5, "x" * 9_999)]
        assert jobs.record_failures(tx, failures, owner="a") == failures
    final = job_of(home.catalog, KIND, "final")
    assert (final.state, final.attempts, final.lease_owner) == (JobState.FAILED, 1, None)
    assert (final.error_code, final.error) == ("BROKEN", "m")
    assert claim(home) == []
    [again] = claim(home, now=NOW + 5)
    assert (again.subject, again.attempts, again.error_code) == ("retried", 1, "BROKEN")
    assert len(again.error or "") == MAX_MESSAGE_LENGTH
    assert claim(home, now=NOW + 99 * LEASE) != []
    assert job_of(home.catalog, KIND, "final").state is JobState.FAILED


def test_a_job_that_is_enqueued_again_starts_over_and_is_lost_to_its_holder(
    home: CatalogFixture,
) -> None:
    enqueue(home, new_job(home))
    held = claim(home, "a")
    with home.catalog.transaction() as tx:
        jobs.record_failures(tx, [failed(held[0], NOW)], owner="a")
    held = claim(home, "a")
    enqueue(home, new_job(home, due_at=NOW + 7))
    assert end_attempts(home, held, "a") == [[], [], [], []]
    [job] = job_rows(home.catalog)
    assert (job.state, job.due_at, job.attempts) == (JobState.PENDING, NOW + 7, 0)
    assert (job.lease_owner, job.error_code) == (None, None)
    assert job.fence > held[0].fence


def test_a_job_that_exists_can_be_left_as_it_is(home: CatalogFixture) -> None:
    enqueue(home, new_job(home, "old"))
    [held] = claim(home)
    enqueue(home, new_job(home, "old"), new_job(home, "new"), restart_existing=False)
    assert subjects(job_rows(home.catalog)) == ["new", "old"]
    assert job_of(home.catalog, KIND, "old") == held


def test_the_jobs_of_a_dead_worker_are_due_at_once(home: CatalogFixture) -> None:
    enqueue(home, new_job(home, "1"), new_job(home, "2", kind=JobKind.TRANSCRIBE_RECORDING))
    claim(home, "dead")
    claim(home, "dead", JobKind.TRANSCRIBE_RECORDING)
    with home.catalog.transaction() as tx:
        assert jobs.expire_leases(tx, "alive", now=NOW) == 0
        assert jobs.expire_leases(tx, "dead", now=NOW) == 2
    [job] = claim(home, "b")
    assert (job.subject, job.attempts) == ("1", 1)


def test_jobs_are_discarded_in_any_state(home: CatalogFixture) -> None:
    enqueue(home, *(new_job(home, name) for name in ("held", "kept", "pending")))
    held = claim(home, limit=1)
    with home.catalog.transaction() as tx:
        assert jobs.discard(tx, [KIND], ["held", "pending", "unknown"]) == 2
        assert jobs.discard(tx, [JobKind.INDEX_TEXT], ["kept"]) == 0
    assert subjects(job_rows(home.catalog)) == ["kept"]
    assert end_attempts(home, held, "a") == [[], [], [], []]


def test_more_jobs_than_a_statement_has_parameters(home: CatalogFixture) -> None:
    enqueue(home, *(new_job(home, f"{number:04}") for number in range(1_200)))
    held = claim(home, limit=2_000)
    assert len(held) == 1_200
    with home.catalog.transaction() as tx:
        assert jobs.renew(tx, held, owner="a", until=NOW + 2) == 1_200
        assert len(jobs.complete(tx, held[:700], owner="a")) == 700
    assert subjects(job_rows(home.catalog)) == subjects(sorted(held[700:], key=lambda j: j.subject))
