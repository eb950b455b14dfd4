"""Jobs: durable work with a due time, a lease, counted attempts and the last error.

A job is known by its kind and its subject, so that a subject has at most one job of a kind. A
completed job is deleted; one that failed for good stays, with its error, until it is enqueued
again or discarded.

A lease names its owner and ends at ``due_at``; a claim after that counts a failed attempt, so that
a subject that kills its worker is not tried for ever. ``fence`` grows with each claim and each
restart. A job is changed only by the holder whose owner and fence it has: a thread that was too
slow cannot change what another thread of the same worker has claimed since.

Transactions lock jobs in the order of their subjects, and jobs before attachments.
"""

from collections.abc import Collection, Iterator
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from everlake.batching import chunked
from everlake.catalog.statements import MAX_PARAMETERS, insert_into
from everlake.catalog.table_definitions import attachments, batches, jobs
from everlake.catalog.turns import Turns
from everlake.contract.batches import BatchStatus
from everlake.contract.errors import MAX_MESSAGE_LENGTH

_c = jobs.c


class JobKind(StrEnum):
    """Kinds of jobs; each is claimed by threads of its own.

    The subject of all present kinds is an attachment's id.
    """

    EXTRACT_TEXT = "extract_text"
    """Read the text of a stored file, or find that it is a recording."""
    TRANSCRIBE_RECORDING = "transcribe_recording"
    """Write down the speech in a stored recording."""
    INDEX_TEXT = "index_text"
    """Write an extracted text to the lake's tables, once its batch is ``COMPLETE``."""


class JobState(StrEnum):
    """Whether a job is still to be done."""

    PENDING = "PENDING"
    """Due now or later, or leased."""
    FAILED = "FAILED"
    """Not attempted again."""


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job to enqueue. ``due_at`` is the time of its first attempt in Unix milliseconds."""

    kind: JobKind
    subject: str
    workspace_id: str
    due_at: int

    @property
    def key(self) -> tuple[JobKind, str]:
        """What the job is known by."""
        return self.kind, self.subject


class JobRow(NewJob, frozen=True, kw_only=True):
    """A job as it is stored.

    Attributes:
        due_at: end of the lease while ``lease_owner`` is set, else time of the next attempt.
        fence: number of the lease; 0 before the first claim.
        attempts: failed ones, leases that ran out included.
        error_code: why the last attempt failed; None before the first failure.
    """

    state: JobState
    lease_owner: str | None
    fence: int
    attempts: int
    error_code: str | None
    error: str | None
    created_at: int


class FailedAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """A failed attempt at a job. ``due_at`` is the time of the next one; None: there is none."""

    job: JobRow
    code: str
    message: str
    due_at: int | None


_BATCH_COMPLETE = exists().where(
    attachments.c.id == _c.subject,
    batches.c.id == attachments.c.batch_id,
    batches.c.status == BatchStatus.COMPLETE,
)
_CLAIM_CONDITIONS: dict[JobKind, ColumnElement[bool]] = {
    # The analysis of a batch writes rows of the same records, and the slower writer would win.
    JobKind.INDEX_TEXT: _BATCH_COMPLETE,
}

_IS_DUE = (
    select(_c.subject)
    .where(
        _c.kind == bindparam("of_kind"),
        _c.state == JobState.PENDING.value,
        _c.due_at <= bindparam("now"),
    )
    .limit(1)
)
_WORKSPACES = Turns(jobs, "workspace_id", among="kind = :of_kind AND state = :pending")
_FAIL = (
    update(jobs)
    .where(_c.kind == bindparam("of_kind"), _c.subject == bindparam("of_subject"))
    .values(
        state=bindparam("new_state"),
        due_at=bindparam("due"),
        lease_owner=None,
        attempts=_c.attempts + 1,
        error_code=bindparam("code"),
        error=bindparam("message"),
    )
)


def enqueue(
    tx: Connection, new: Collection[NewJob], *, now: int, restart_existing: bool = True
) -> None:
    """Store jobs.

    Args:
        now: Unix milliseconds.
        restart_existing: start a job of the same kind and subject over, with no attempts; its
            holder loses it. Otherwise leave it as it is.
    """
    if not new:
        return
    ordered = sorted(new, key=attrgetter("key"))
    tx.execute(
        _insert(tx, restart_existing=restart_existing),
        [{**msgspec.structs.asdict(job), **_first_values(job.kind, now)} for job in ordered],
    )


def enqueue_selected(
    tx: Connection, kind: JobKind, selected: Select[Any, Any], *, now: int
) -> None:
    """Store a job, due at once, for each row of a query, and start over those that exist.

    Args:
        selected: gives subject and workspace id.
        now: Unix milliseconds.
    """
    values = {**_first_values(kind, now), "due_at": now}
    source = selected.order_by(selected.selected_columns[0]).add_columns(
        *(literal(value, _c[name].type) for name, value in values.items())
    )
    statement = _insert(tx, restart_existing=True).from_select(
        ["subject", "workspace_id", *values], source
    )
    tx.execute(statement)


def is_due(tx: Connection, kind: JobKind, *, now: int) -> bool:
    """Return whether a job of that kind is due; a claim may still leave it for later."""
    return tx.execute(_IS_DUE, {"of_kind": kind.value, "now": now}).first() is not None


def due_workspaces(tx: Connection, kind: JobKind, *, now: int) -> list[str]:
    """Return the workspaces with a job of that kind that is due.

    Each is found by two steps into an index, however many jobs it has.
    """
    given = {"of_kind": kind.value, "pending": JobState.PENDING.value, "now": now}
    return list(_WORKSPACES.after(tx, None, **given))


def claim(
    tx: Connection,
    kind: JobKind,
    *,
    owner: str,
    now: int,
    lease_ms: int,
    limit: int,
    workspace_id: str,
) -> list[JobRow]:
    """Lease jobs of a workspace that are due, those first that have been due for longest.

    Args:
        owner: name of the worker.
        now: Unix milliseconds.
        lease_ms: milliseconds the lease holds, unless renewed.
        limit: most jobs.
        workspace_id: one of :func:`due_workspaces`, which may all the same have none to claim.

    Returns:
        the jobs as they are now, in the order in which they became due.
    """
    due = (
        select(jobs)
        .where(
            _c.kind == kind.value,
            _c.state == JobState.PENDING.value,
            _c.workspace_id == workspace_id,
            _c.due_at <= now,
        )
        .order_by(_c.due_at)
    )
    if kind in _CLAIM_CONDITIONS:
        due = due.where(_CLAIM_CONDITIONS[kind])
    chosen = due.limit(limit).with_for_update(of=jobs, skip_locked=True)
    found = [_job_row(row) for row in tx.execute(chosen).mappings()]
    leased = {"lease_owner": owner, "due_at": now + lease_ms}
    counted = _c.attempts + case((_c.lease_owner.is_(None), 0), else_=1)
    _update(tx, found, {**leased, "fence": _c.fence + 1, "attempts": counted})
    return [
        msgspec.structs.replace(
            job,
            **leased,
            fence=job.fence + 1,
            attempts=job.attempts + (job.lease_owner is not None),
        )
        for job in found
    ]


def renew(tx: Connection, held: Collection[JobRow], *, owner: str, until: int) -> int:
    """Extend leases to ``until``; return the number of jobs that ``owner`` still held."""
    ours = _lock_held(tx, held, owner)
    _update(tx, ours, {"due_at": until})
    return len(ours)


def complete(tx: Connection, held: Collection[JobRow], *, owner: str) -> list[JobRow]:
    """Delete jobs that are done; return those that ``owner`` still held."""
    ours = _lock_held(tx, held, owner)
    for condition in _conditions(ours):
        tx.execute(delete(jobs).where(condition))
    return ours


def release(tx: Connection, held: Collection[JobRow], *, owner: str, due_at: int) -> list[JobRow]:
    """Give jobs back, due at ``due_at``, without counting an attempt; return those still held."""
    ours = _lock_held(tx, held, owner)
    _update(tx, ours, {"lease_owner": None, "due_at": due_at})
    return ours


def record_failures(
    tx: Connection, failures: Collection[FailedAttempt], *, owner: str
) -> list[FailedAttempt]:
    """Count failed attempts and give the jobs back; return those whose job was still held.

    A job with a ``due_at`` is retried then; one without becomes ``FAILED``.
    """
    ours = {job.key for job in _lock_held(tx, [one.job for one in failures], owner)}
    counted = [one for one in failures if one.job.key in ours]
    if counted:
        tx.execute(_FAIL, [_failure_values(one) for one in counted])
    return counted


def discard(tx: Connection, kinds: Collection[JobKind], subjects: Collection[str]) -> int:
    """Delete jobs in whatever state they are; return their number."""
    count = 0
    for kind in sorted(kinds):
        for chunk in chunked(sorted(subjects), MAX_PARAMETERS):
            statement = delete(jobs).where(_c.kind == kind.value, _c.subject.in_(chunk))
            count += tx.execute(statement).rowcount
    return count


def expire_leases(tx: Connection, owner: str, *, now: int) -> int:
    """Make the jobs of a dead worker due at once; return their number.

    They stay in its name, so that the next claim counts an attempt.
    """
    statement = update(jobs).where(_c.lease_owner == owner, _c.due_at > now)
    return tx.execute(statement.values(due_at=now)).rowcount


def _first_values(kind: JobKind, now: int) -> dict[str, Any]:
    return {
        "kind": kind.value,
        "state": JobState.PENDING.value,
        "fence": 0,
        "attempts": 0,
        "created_at": now,
    }


def _insert(tx: Connection, *, restart_existing: bool) -> sqlite.Insert | postgresql.Insert:
    insert = insert_into(tx.dialect.name, jobs)
    if not restart_existing:
        return insert.on_conflict_do_nothing()
    return insert.on_conflict_do_update(
        index_elements=[_c.kind, _c.subject],
        set_={
            "state": insert.excluded.state,
            "due_at": insert.excluded.due_at,
            "lease_owner": None,
            "fence": _c.fence + 1,
            "attempts": 0,
            "error_code": None,
            "error": None,
        },
    )


def _lock_held(tx: Connection, held: Collection[JobRow], owner: str) -> list[JobRow]:
    """Lock those of ``held`` whose lease ``owner`` still has, and return them."""
    ours: list[JobRow] = []
    for kind, of_kind in _by_kind(held):
        by_subject = {job.subject: job for job in of_kind}
        for chunk in chunked(sorted(by_subject), MAX_PARAMETERS):
            statement = (
                select(_c.subject, _c.fence)
                .where(_c.kind == kind.value, _c.subject.in_(chunk), _c.lease_owner == owner)
                .order_by(_c.subject)
                .with_for_update()
            )
            rows = tx.execute(statement).all()
            ours += [
                by_subject[subject] for subject, fence in rows if by_subject[subject].fence == fence
            ]
    return ours


def _update(tx: Connection, rows: Collection[JobRow], values: dict[str, Any]) -> None:
    for condition in _conditions(rows):
        tx.execute(update(jobs).where(condition).values(**values))


def _conditions(rows: Collection[JobRow]) -> Iterator[ColumnElement[bool]]:
    """Yield conditions that together select these jobs, each of few enough parameters."""
    for kind, of_kind in _by_kind(rows):
        for chunk in chunked(sorted(job.subject for job in of_kind), MAX_PARAMETERS):
            yield and_(_c.kind == kind.value, _c.subject.in_(chunk))


def _by_kind(rows: Collection[JobRow]) -> Iterator[tuple[JobKind, Iterator[JobRow]]]:
    return groupby(sorted(rows, key=attrgetter("key")), attrgetter("kind"))


def _failure_values(failure: FailedAttempt) -> dict[str, Any]:
    state = JobState.FAILED if failure.due_at is None else JobState.PENDING
    return {
        "of_kind": failure.job.kind.value,
        "of_subject": failure.job.subject,
        "new_state": state.value,
        "due": failure.job.due_at if failure.due_at is None else failure.due_at,
        "code": failure.code,
        "message": failure.message[:MAX_MESSAGE_LENGTH],
    }


def _job_row(values: RowMapping) -> JobRow:
    found: dict[str, Any] = {
        **values,
        "kind": JobKind(values["kind"]),
        "state": JobState(values["state"]),
    }
    return JobRow(**found)
