"""Texts of attachments: the progress that their owners see, and the job that comes next.

The stage of a text stands in its attachment; the work, with its lease and its attempts, is a job.
Both change in one transaction. Each change names the stages it may start from and enqueues the
next job only for attachments that it has moved, so that a job that is run twice, or by workers of
two versions, never moves a text back.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, exists, select, update

from everlake.batching import chunked
from everlake.catalog import jobs
from everlake.catalog.attachments import TextStage
from everlake.catalog.jobs import FailedAttempt, JobKind, JobRow, NewJob
from everlake.catalog.statements import MAX_PARAMETERS
from everlake.catalog.table_definitions import attachments
from everlake.catalog.table_definitions import jobs as jobs_table
from everlake.contract.errors import MAX_MESSAGE_LENGTH

JOB_KINDS = {
    TextStage.PENDING: JobKind.EXTRACT_TEXT,
    TextStage.RECORDING: JobKind.TRANSCRIBE_RECORDING,
    TextStage.READY: JobKind.INDEX_TEXT,
}
"""The job of a text in each stage in which there is something to do."""

_c = attachments.c
_STAGES = {kind: stage for stage, kind in JOB_KINDS.items()}
_NO_ERROR = {"text_error_code": None, "text_error": None}
_NO_LEASE = {"text_owner": None, "text_due_at": None}
"""Takes a text from a process of the version before, which goes by the lease in the row."""
_NOTE_FAILURE = (
    update(attachments)
    .where(_c.id == bindparam("attachment"), _c.text_status == bindparam("stage"))
    .values(
        text_status=bindparam("new_stage"),
        text_error_code=bindparam("code"),
        text_error=bindparam("message"),
        **_NO_LEASE,
    )
)


def mark_recordings(tx: Connection, done: Collection[JobRow], *, now: int) -> None:
    """Pass files on that were found to be recordings, and enqueue their transcription."""
    values = {"text_status": TextStage.RECORDING.value, **_NO_ERROR}
    _advance(tx, done, [TextStage.PENDING], values, now=now)


def mark_extracted(tx: Connection, done: Collection[JobRow], *, now: int) -> None:
    """Note that texts are stored, and enqueue their indexing."""
    sources = [TextStage.PENDING, TextStage.RECORDING]
    _advance(tx, done, sources, {"text_status": TextStage.READY.value, **_NO_ERROR}, now=now)


def mark_indexed(tx: Connection, done: Collection[JobRow], *, now: int) -> None:
    """Note that texts are in the lake's tables."""
    values = {"text_status": TextStage.COMPLETE.value, "indexed_at": now, **_NO_ERROR}
    _advance(tx, done, [TextStage.READY], values, now=now)


def extract_again(tx: Connection, done: Collection[JobRow], *, now: int) -> None:
    """Enqueue the extraction of texts that should be stored and are lost or damaged."""
    _advance(tx, done, [TextStage.READY], {"text_status": TextStage.PENDING.value}, now=now)


def note_failures(tx: Connection, failures: Collection[FailedAttempt]) -> None:
    """Show why attempts at texts failed; those that are not retried become ``FAILED``."""
    if failures:
        tx.execute(_NOTE_FAILURE, [_failure_values(one) for one in failures])


def retry_failed(tx: Connection, workspace_id: str, batch_id: str, *, now: int) -> int:
    """Start the failed texts of a batch over with their extraction; return their number."""
    failed = (
        select(_c.id)
        .where(_c.workspace_id == workspace_id, _c.batch_id == batch_id)
        .where(_c.text_status == TextStage.FAILED.value)
        .order_by(_c.line, _c.place)
        .with_for_update()
    )
    ids = list(tx.execute(failed).scalars())
    jobs.discard(tx, list(JOB_KINDS.values()), ids)
    _set(tx, ids, {"text_status": TextStage.PENDING.value, **_NO_ERROR})
    _enqueue(tx, JobKind.EXTRACT_TEXT, [(one, workspace_id) for one in ids], now)
    return len(ids)


def reindex(tx: Connection, workspace_id: str, *, now: int) -> None:
    """Enqueue the indexing of all stored texts of a workspace, whose tables were made anew.

    A worker that is indexing one of them loses the job.
    """
    stored = select(_c.id, _c.workspace_id).where(
        _c.workspace_id == workspace_id,
        _c.text_status.in_([TextStage.READY.value, TextStage.COMPLETE.value]),
    )
    jobs.enqueue_selected(tx, JobKind.INDEX_TEXT, stored, now=now)
    tx.execute(
        update(attachments)
        .where(_c.workspace_id == workspace_id, _c.text_status == TextStage.COMPLETE.value)
        .values(text_status=TextStage.READY.value, **_NO_LEASE)
    )


def find_without_job(tx: Connection, *, limit: int, now: int) -> list[NewJob]:
    """Return the jobs that texts lack.

    None should; but processes of a version without jobs may have stored a file, or moved a text,
    while this version was already running.

    Args:
        limit: number of jobs.
        now: when they are due, in Unix milliseconds.
    """
    found: list[NewJob] = []
    for stage, kind in JOB_KINDS.items():
        has_job = exists().where(jobs_table.c.kind == kind.value, jobs_table.c.subject == _c.id)
        statement = select(_c.id, _c.workspace_id).where(_c.text_status == stage.value, ~has_job)
        found += [
            NewJob(kind=kind, subject=attachment_id, workspace_id=workspace_id, due_at=now)
            for attachment_id, workspace_id in tx.execute(statement.limit(limit))
        ]
    return found[:limit]


def _advance(
    tx: Connection,
    done: Collection[JobRow],
    sources: Collection[TextStage],
    values: dict[str, Any],
    *,
    now: int,
) -> None:
    """Set ``values`` where the text is in one of ``sources``, and enqueue the next job there."""
    rows: list[tuple[str, str]] = []
    for chunk in chunked(sorted(job.subject for job in done), MAX_PARAMETERS):
        statement = (
            select(_c.id, _c.workspace_id)
            .where(_c.id.in_(chunk), _c.text_status.in_([stage.value for stage in sources]))
            .order_by(_c.id)
            .with_for_update()
        )
        rows += tx.execute(statement)
    _set(tx, [attachment_id for attachment_id, _ in rows], values)
    next_kind = JOB_KINDS.get(TextStage(values["text_status"]))
    if next_kind is not None:
        _enqueue(tx, next_kind, rows, now)


def _set(tx: Connection, ids: Sequence[str], values: dict[str, Any]) -> None:
    for chunk in chunked(ids, MAX_PARAMETERS):
        tx.execute(update(attachments).where(_c.id.in_(chunk)).values(**values, **_NO_LEASE))


def _enqueue(tx: Connection, kind: JobKind, rows: Collection[tuple[str, str]], now: int) -> None:
    new = [
        NewJob(kind=kind, subject=attachment_id, workspace_id=workspace_id, due_at=now)
        for attachment_id, workspace_id in rows
    ]
    jobs.enqueue(tx, new, now=now)


def _failure_values(failure: FailedAttempt) -> dict[str, Any]:
    stage = _STAGES[failure.job.kind].value
    return {
        "attachment": failure.job.subject,
        "stage": stage,
        "new_stage": TextStage.FAILED.value if failure.due_at is None else stage,
        "code": failure.code,
        "message": failure.message[:MAX_MESSAGE_LENGTH],
    }
