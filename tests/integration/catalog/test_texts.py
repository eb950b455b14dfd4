from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import select, update

from everlake.catalog import attachments, backlog, jobs, texts
from everlake.catalog.attachments import TextStage
from everlake.catalog.database import Connection
from everlake.catalog.jobs import FailedAttempt, JobKind, JobRow, JobState
from everlake.catalog.table_definitions import attachments as attachment_table
from everlake.catalog.table_definitions import jobs as job_table
from everlake.contract.attachments import TextStatus
from tests.integration.catalog import attachment_rows
from tests.integration.catalog.attachment_rows import (
    LEASE,
    NOW,
    complete_batches,
    completed_download,
    insert_batch,
    rows_of,
)
from tests.support.catalog_fixture import CatalogFixture, run_concurrently
from tests.support.job_rows import job_of, job_rows

EXTRACT, TRANSCRIBE = JobKind.EXTRACT_TEXT, JobKind.TRANSCRIBE_RECORDING
INDEX = JobKind.INDEX_TEXT


def fetched(home: CatalogFixture, count: int = 1, **changes: Any) -> str:
    """The id of a batch whose attachments are stored."""
    batch_id = insert_batch(home, count)
    outcomes = [completed_download(row, **changes) for row in attachment_rows.claim(home)]
    attachment_rows.record_outcomes(home, *outcomes)
    return batch_id


def claim(
    home: CatalogFixture, kind: JobKind = EXTRACT, owner: str = "a", **changes: Any
) -> list[JobRow]:
    with home.catalog.transaction() as tx:
        return claim_in(tx, home, kind, owner=owner, **changes)


def claim_in(
    tx: Connection, home: CatalogFixture, kind: JobKind, owner: str = "a", **changes: Any
) -> list[JobRow]:
    values: dict[str, Any] = {
        "now": NOW,
        "lease_ms": LEASE,
        "limit": 100,
        "workspace_id": home.workspace_id,
    }
    return jobs.claim(tx, kind, owner=owner, **{**values, **changes})


def end(
    home: CatalogFixture,
    mark: Callable[..., None],
    held: Collection[JobRow],
    owner: str = "a",
) -> int:
    """Complete jobs and mark their texts; how many were still held."""
    with home.catalog.transaction() as tx:
        done = jobs.complete(tx, held, owner=owner)
        mark(tx, done, now=NOW)
        return len(done)


def fail(tx: Connection, *failures: FailedAttempt, owner: str = "a") -> int:
    counted = jobs.record_failures(tx, failures, owner=owner)
    texts.note_failures(tx, counted)
    return len(counted)


def indexed(home: CatalogFixture, count: int = 1) -> str:
    """The id of a batch whose attachments have texts in the lake."""
    batch_id = fetched(home, count)
    complete_batches(home, batch_id)
    end(home, texts.mark_extracted, claim(home))
    end(home, texts.mark_indexed, claim(home, INDEX))
    return batch_id


def stages(home: CatalogFixture, batch_id: str) -> list[TextStage | None]:
    return [row.text_status for row in rows_of(home, batch_id)]


def kinds(home: CatalogFixture) -> list[JobKind]:
    return [job.kind for job in job_rows(home.catalog)]


def set_row(home: CatalogFixture, batch_id: str, **values: Any) -> None:
    """Leave the batch's attachments as something else than this version would."""
    statement = update(attachment_table).where(attachment_table.c.batch_id == batch_id)
    with home.catalog.transaction() as tx:
        tx.execute(statement.values(**values))


def enqueue_missing(home: CatalogFixture, limit: int = 100) -> int:
    with home.catalog.transaction() as tx:
        missing = texts.find_without_job(tx, limit=limit, now=NOW)
        jobs.enqueue(tx, missing, now=NOW, restart_existing=False)
        return len(missing)


def test_only_files_with_text_are_read(home: CatalogFixture) -> None:
    fetched(home, 2, is_extractable=False)
    assert claim(home) == []
    batch_id = fetched(home, 2)
    rows = rows_of(home, batch_id)
    assert sorted(job.subject for job in claim(home)) == sorted(row.id for row in rows)
    assert claim(home, owner="b") == []


def test_recordings_are_claimed_by_those_who_ask_for_them(home: CatalogFixture) -> None:
    batch_id = fetched(home, 2)
    document, recording = claim(home)
    end(home, texts.mark_recordings, [recording])
    assert [job.subject for job in claim(home, owner="b", now=NOW + LEASE)] == [document.subject]
    [found] = claim(home, TRANSCRIBE, "c")
    assert (found.subject, found.attempts) == (recording.subject, 0)
    by_id = {row.id: row for row in rows_of(home, batch_id)}
    assert by_id[found.subject].view().text == attachments.TextProgress(TextStatus.PENDING)
    assert claim(home, TRANSCRIBE, "d") == []
    with home.catalog.autocommit() as tx:
        assert backlog.attachment_backlog(tx).read == 2
    [again] = claim(home, TRANSCRIBE, "d", now=NOW + LEASE)
    assert again.attempts == 1
    assert end(home, texts.mark_extracted, [again], "d") == 1
    by_id = {row.id: row for row in rows_of(home, batch_id)}
    assert by_id[document.subject].text_status is TextStage.PENDING
    assert by_id[recording.subject].text_status is TextStage.READY


def test_text_goes_into_the_lake_once_its_batch_is_analysed(home: CatalogFixture) -> None:
    batch_id = fetched(home)
    assert end(home, texts.mark_extracted, claim(home)) == 1
    assert rows_of(home, batch_id)[0].view().text == attachments.TextProgress(TextStatus.PENDING)
    assert claim(home, INDEX) == []
    complete_batches(home, batch_id)
    held = claim(home, INDEX)
    assert [job.subject for job in held] == [row.id for row in rows_of(home, batch_id)]
    assert claim(home, INDEX, "b") == []
    assert end(home, texts.mark_indexed, held) == 1
    assert stages(home, batch_id) == [TextStage.COMPLETE]
    assert rows_of(home, batch_id)[0].indexed_at == NOW
    assert job_rows(home.catalog) == []


def test_a_former_holder_moves_nothing(home: CatalogFixture) -> None:
    batch_id = fetched(home)
    held = claim(home)
    claim(home, owner="b", now=NOW + LEASE)
    assert end(home, texts.mark_extracted, held) == 0
    with home.catalog.transaction() as tx:
        failure = FailedAttempt(job=held[0], code="TIMED_OUT", message="m", due_at=None)
        assert fail(tx, failure) == 0
    assert stages(home, batch_id) == [TextStage.PENDING]
    assert rows_of(home, batch_id)[0].text_error_code is None


def test_a_file_that_gives_no_text_says_why_and_can_be_read_again(home: CatalogFixture) -> None:
    batch_id = fetched(home, 2)
    first, second = sorted(claim(home), key=lambda job: job.subject)
    with home.catalog.transaction() as tx:
        failures = [
            FailedAttempt(job=first, code="ENCRYPTED", message="It has a password.", due_at=None),
            FailedAttempt(job=second, code="CRASHED", message="m", due_at=NOW + 5),
        ]
        assert fail(tx, *failures) == 2
    assert stages(home, batch_id) == [TextStage.FAILED, TextStage.PENDING]
    shown = [row.view().text for row in rows_of(home, batch_id)]
    assert shown == [
        attachments.TextProgress(
            TextStatus.FAILED, attachments.AttachmentFault("ENCRYPTED", "It has a password.")
        ),
        attachments.TextProgress(TextStatus.PENDING, attachments.AttachmentFault("CRASHED", "m")),
    ]
    assert claim(home) == []
    assert [job.subject for job in claim(home, now=NOW + 5)] == [second.subject]
    with home.catalog.transaction() as tx:
        assert texts.retry_failed(tx, home.workspace_id, batch_id, now=NOW) == 1
        assert texts.retry_failed(tx, home.workspace_id, batch_id, now=NOW) == 0
    [again] = claim(home)
    assert (again.subject, again.attempts) == (first.subject, 0)
    end(home, texts.mark_extracted, [again])
    assert rows_of(home, batch_id)[0].view().text == attachments.TextProgress(TextStatus.PENDING)


def test_a_text_that_failed_late_is_retried_from_its_file(home: CatalogFixture) -> None:
    batch_id = fetched(home)
    complete_batches(home, batch_id)
    end(home, texts.mark_extracted, claim(home))
    with home.catalog.transaction() as tx:
        [held] = claim_in(tx, home, INDEX)
        fail(tx, FailedAttempt(job=held, code="RECORD_LOST", message="m", due_at=None))
    assert stages(home, batch_id) == [TextStage.FAILED]
    assert job_of(home.catalog, INDEX, held.subject).state is JobState.FAILED
    with home.catalog.transaction() as tx:
        assert texts.retry_failed(tx, "another workspace", batch_id, now=NOW) == 0
        assert texts.retry_failed(tx, home.workspace_id, batch_id, now=NOW) == 1
    assert kinds(home) == [EXTRACT]
    assert stages(home, batch_id) == [TextStage.PENDING]


def test_a_lost_text_is_extracted_again(home: CatalogFixture) -> None:
    batch_id = fetched(home)
    complete_batches(home, batch_id)
    end(home, texts.mark_extracted, claim(home))
    assert end(home, texts.extract_again, claim(home, INDEX)) == 1
    assert stages(home, batch_id) == [TextStage.PENDING]
    assert kinds(home) == [EXTRACT]


def test_texts_are_written_again_to_tables_made_from_before(home: CatalogFixture) -> None:
    batch_id = fetched(home, 3)
    complete_batches(home, batch_id)
    end(home, texts.mark_extracted, claim(home))
    end(home, texts.mark_indexed, claim(home, INDEX, limit=2))
    held = claim(home, INDEX, "slow")
    with home.catalog.transaction() as tx:
        texts.reindex(tx, "another workspace", now=NOW)
    assert job_rows(home.catalog, INDEX) == held
    with home.catalog.transaction() as tx:
        texts.reindex(tx, home.workspace_id, now=NOW)
    assert end(home, texts.mark_indexed, held, "slow") == 0
    assert stages(home, batch_id) == [TextStage.READY] * 3
    assert len(claim(home, INDEX)) == 3


def test_a_rebuild_that_meets_an_indexer_loses_no_text(home: CatalogFixture) -> None:
    batch_id = indexed(home, 5)
    for _ in range(5):
        with home.catalog.transaction() as tx:
            texts.reindex(tx, home.workspace_id, now=NOW)
        held = claim(home, INDEX)

        def meet(number: int, held: Sequence[JobRow] = held) -> None:
            if number:
                end(home, texts.mark_indexed, held)
            else:
                with home.catalog.transaction() as tx:
                    texts.reindex(tx, home.workspace_id, now=NOW)

        run_concurrently(2, meet)
        assert stages(home, batch_id) == [TextStage.READY] * 5
        found = job_rows(home.catalog, INDEX)
        assert [job.lease_owner for job in found] == [None] * 5


def test_a_job_that_is_run_twice_moves_no_text_back(home: CatalogFixture) -> None:
    batch_id = indexed(home)
    subject = rows_of(home, batch_id)[0].id
    for kind, mark in (
        (EXTRACT, texts.mark_extracted),
        (EXTRACT, texts.mark_recordings),
        (TRANSCRIBE, texts.mark_extracted),
        (INDEX, texts.extract_again),
    ):
        with home.catalog.transaction() as tx:
            again = jobs.NewJob(
                kind=kind, subject=subject, workspace_id=home.workspace_id, due_at=NOW
            )
            jobs.enqueue(tx, [again], now=NOW)
        assert end(home, mark, claim(home, kind)) == 1
        assert stages(home, batch_id) == [TextStage.COMPLETE]
        assert job_rows(home.catalog) == []


def test_a_failure_of_a_text_that_has_moved_on_is_not_shown(home: CatalogFixture) -> None:
    batch_id = fetched(home)
    [held] = claim(home)
    set_row(home, batch_id, text_status=TextStage.READY.value)
    with home.catalog.transaction() as tx:
        fail(tx, FailedAttempt(job=held, code="CRASHED", message="m", due_at=None))
    assert stages(home, batch_id) == [TextStage.READY]
    assert rows_of(home, batch_id)[0].text_error_code is None


def test_a_process_of_the_version_before_finds_nothing_to_claim(home: CatalogFixture) -> None:
    # It claims rows that have `text_due_at <= now`, and moves those that have it as `text_owner`.
    c = attachment_table.c
    batch_id = fetched(home)

    def old_lease() -> tuple[str | None, int | None]:
        with home.catalog.snapshot() as tx:
            statement = select(c.text_owner, c.text_due_at).where(c.batch_id == batch_id)
            return tuple(tx.execute(statement).one())

    assert old_lease() == (None, None)
    complete_batches(home, batch_id)
    for kind, mark in ((EXTRACT, texts.mark_extracted), (INDEX, texts.mark_indexed)):
        set_row(home, batch_id, text_owner="old/read", text_due_at=NOW)
        assert end(home, mark, claim(home, kind)) == 1
        assert old_lease() == (None, None)
    set_row(home, batch_id, text_due_at=NOW)
    with home.catalog.transaction() as tx:
        texts.reindex(tx, home.workspace_id, now=NOW)
    assert old_lease() == (None, None)
    set_row(home, batch_id, text_due_at=NOW)
    with home.catalog.transaction() as tx:
        [held] = claim_in(tx, home, INDEX)
        fail(tx, FailedAttempt(job=held, code="CRASHED", message="m", due_at=None))
    assert old_lease() == (None, None)


def test_texts_that_a_process_of_the_version_before_has_left_get_their_jobs(
    home: CatalogFixture,
) -> None:
    indexed_batch = indexed(home)
    for stage in (TextStage.PENDING, TextStage.RECORDING, TextStage.READY, TextStage.FAILED):
        set_row(home, fetched(home), text_status=stage.value)
    with home.catalog.transaction() as tx:
        tx.execute(job_table.delete())
    assert enqueue_missing(home, limit=2) == 2
    assert enqueue_missing(home) == 1
    assert enqueue_missing(home) == 0
    assert kinds(home) == [EXTRACT, INDEX, TRANSCRIBE]
    assert stages(home, indexed_batch) == [TextStage.COMPLETE]
