"""Attachments of landed batches, as the lists of their owners show them.

Who fetches them stands in :mod:`downloads`, who reads them in :mod:`readings`.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, select, tuple_, update

from everlake.catalog.database import Catalog
from everlake.catalog.statements import chunked, insert_into
from everlake.catalog.table_definitions import attachments, batches
from everlake.contract.attachments import (
    AttachmentFault,
    AttachmentStatus,
    BatchAttachment,
    TextProgress,
    TextStatus,
)

_c = attachments.c
_T = TypeVar("_T")
_PAGE_ROWS = 2_000
_GET = select(attachments).where(
    _c.workspace_id == bindparam("workspace"), _c.id == bindparam("attachment")
)


class TextStage(StrEnum):
    """Where the text of a stored attachment is, as the catalog has it."""

    PENDING = "PENDING"
    RECORDING = "RECORDING"
    """Seen to be audio or video, whose speech is to be written down."""
    READY = "READY"
    """Read from the file and stored, and not in the lake's tables yet."""
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


TEXT_STORED = (TextStage.READY, TextStage.COMPLETE)
"""Where the text is stored."""


class NewAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment as its record states it.

    ``line`` is the record's in the batch's landing object and ``place`` its own among the
    record's, both from 0; ``kind`` is its ``type``; ``host`` is what takes turns: that of the
    URL, and empty where it does not come from one.
    """

    id: str
    workspace_id: str
    batch_id: str
    line: int
    place: int
    record_id: str
    kind: str
    filename: str | None = None
    stated_size: int | None = None
    stated_type: str | None = None
    sha1: str | None = None
    md5: str | None = None
    url: str | None = None
    upload_id: str | None = None
    host: str
    due_at: int


class AttachmentRow(NewAttachment, frozen=True, kw_only=True):
    """An attachment as it is stored; ``status`` is ``PENDING``, ``COMPLETE`` or ``FAILED``.

    ``due_at`` is the end of the lease while ``lease_owner`` has it, else the time of its next
    attempt; ``attempts`` are those that failed. ``size``, ``mime_type`` and ``sha256`` are the
    content's. ``text_state`` is None where there is no text to be had.
    """

    status: AttachmentStatus
    lease_owner: str | None
    attempts: int
    error_code: str | None
    error: str | None
    size: int | None
    mime_type: str | None
    sha256: str | None
    completed_at: int | None
    text_status: TextStage | None
    text_owner: str | None
    text_due_at: int | None
    text_attempts: int
    text_error_code: str | None
    text_error: str | None
    indexed_at: int | None

    @property
    def display_name(self) -> str:
        """What people know it by."""
        return self.filename or self.id

    def view(self) -> BatchAttachment:
        """The attachment as its owner sees it."""
        pending = self.status is AttachmentStatus.PENDING
        leased = pending and self.lease_owner is not None
        return BatchAttachment(
            attachment_id=self.id,
            batch_id=self.batch_id,
            record_id=self.record_id,
            index=self.place,
            type=self.kind,
            status=AttachmentStatus.IN_PROGRESS if leased else self.status,
            attempts=self.attempts,
            filename=_or_unset(self.filename),
            stated_size=_or_unset(self.stated_size),
            stated_mime_type=_or_unset(self.stated_type),
            upload_intent_id=_or_unset(self.upload_id),
            size=_or_unset(self.size),
            mime_type=_or_unset(self.mime_type),
            sha256=_or_unset(self.sha256),
            completed_at=_or_unset(self.completed_at),
            next_attempt_at=self.due_at if pending and not leased and self.attempts else UNSET,
            error=_error(self.error_code, self.error),
            text=self._text(),
        )

    def _text(self) -> TextProgress | msgspec.UnsetType:
        if self.text_status is None:
            return UNSET
        settled = self.text_status in {TextStage.COMPLETE, TextStage.FAILED}
        shown = TextStatus(self.text_status) if settled else TextStatus.PENDING
        return TextProgress(shown, _error(self.text_error_code, self.text_error))


def attachment_row(values: RowMapping) -> AttachmentRow:
    """The row with these values, by column."""
    text_status = values["text_status"]
    found: dict[str, Any] = {
        **values,
        "status": AttachmentStatus(values["status"]),
        "text_status": None if text_status is None else TextStage(text_status),
    }
    return AttachmentRow(**found)


def insert(tx: Connection, rows: Sequence[NewAttachment]) -> None:
    """Store the attachments of a landed batch; those that are there stay as they are."""
    if not rows:
        return
    statement = insert_into(tx.dialect.name, attachments).on_conflict_do_nothing(
        index_elements=[_c.id]
    )
    fresh = {"status": AttachmentStatus.PENDING.value, "attempts": 0, "text_attempts": 0}
    tx.execute(statement, [{**msgspec.structs.asdict(row), **fresh} for row in rows])


def get(tx: Connection, workspace_id: str, attachment_id: str) -> AttachmentRow | None:
    """The workspace's attachment with that id."""
    given = {"workspace": workspace_id, "attachment": attachment_id}
    row = tx.execute(_GET, given).mappings().first()
    return None if row is None else attachment_row(row)


def page(
    tx: Connection,
    batch_id: str,
    *,
    limit: int,
    after: tuple[int, int] | None = None,
    status: AttachmentStatus | None = None,
) -> list[AttachmentRow]:
    """A batch's attachments in the order of its records.

    Args:
        after: line and place of the last one seen.
        status: only those; ``IN_PROGRESS`` are the ones that somebody is at.
    """
    statement = select(attachments).where(_c.batch_id == batch_id)
    if after is not None:
        statement = statement.where(tuple_(_c.line, _c.place) > tuple_(*after))
    if status is not None:
        statement = statement.where(*_status_filter(status))
    statement = statement.order_by(_c.line, _c.place).limit(limit)
    return [attachment_row(row) for row in tx.execute(statement).mappings()]


def iter_stored(catalog: Catalog, workspace_id: str) -> Iterator[AttachmentRow]:
    """All attachments of a workspace whose content is stored, in no order that means anything."""
    statement = (
        select(attachments)
        .where(_c.workspace_id == workspace_id, _c.status == AttachmentStatus.COMPLETE.value)
        .order_by(_c.id)
        .limit(_PAGE_ROWS)
    )
    after = ""
    while True:
        with catalog.snapshot() as tx:
            rows = [
                attachment_row(row) for row in tx.execute(statement.where(_c.id > after)).mappings()
            ]
        yield from rows
        if len(rows) < _PAGE_ROWS:
            return
        after = rows[-1].id


def read_texts(tx: Connection, batch_ids: Iterable[str]) -> dict[str, list[AttachmentRow]]:
    """By batch, the attachments whose text is stored, in the order of their records."""
    found: dict[str, list[AttachmentRow]] = {}
    for chunk in chunked(batch_ids):
        statement = (
            select(attachments)
            .where(
                _c.batch_id.in_(chunk), _c.text_status.in_([state.value for state in TEXT_STORED])
            )
            .order_by(_c.batch_id, _c.line, _c.place)
        )
        for row in tx.execute(statement).mappings():
            found.setdefault(row["batch_id"], []).append(attachment_row(row))
    return found


def retry_failed(tx: Connection, workspace_id: str, batch_id: str, *, now: int) -> int:
    """Let a batch's failed attachments be tried again, with all of their tries; how many."""
    statement = (
        update(attachments)
        .where(_c.workspace_id == workspace_id, _c.batch_id == batch_id)
        .where(_c.status == AttachmentStatus.FAILED.value)
        .values(
            status=AttachmentStatus.PENDING.value,
            attempts=0,
            lease_owner=None,
            due_at=now,
        )
    )
    retried = tx.execute(statement).rowcount
    if retried:
        counted = batches.c.attachment_failed - retried
        tx.execute(
            update(batches)
            .where(batches.c.id == batch_id)
            .values(attachment_failed=counted, attachment_begun_at=now)
        )
    return retried


def retry_texts(tx: Connection, workspace_id: str, batch_id: str, *, now: int) -> int:
    """Let the texts of a batch's attachments that could not be read be tried again; how many."""
    statement = (
        update(attachments)
        .where(_c.workspace_id == workspace_id, _c.batch_id == batch_id)
        .where(_c.text_status == TextStage.FAILED.value)
        .values(
            text_status=TextStage.PENDING.value,
            text_attempts=0,
            text_error_code=None,
            text_error=None,
            text_owner=None,
            text_due_at=now,
        )
    )
    return tx.execute(statement).rowcount


def _status_filter(status: AttachmentStatus) -> list[ColumnElement[bool]]:
    stored = AttachmentStatus.PENDING if status is AttachmentStatus.IN_PROGRESS else status
    conditions = [_c.status == stored.value]
    if status is AttachmentStatus.IN_PROGRESS:
        conditions.append(_c.lease_owner.is_not(None))
    if status is AttachmentStatus.PENDING:
        conditions.append(_c.lease_owner.is_(None))
    return conditions


def _or_unset(value: _T | None) -> _T | msgspec.UnsetType:
    return UNSET if value is None else value


def _error(code: str | None, message: str | None) -> AttachmentFault | msgspec.UnsetType:
    return UNSET if code is None else AttachmentFault(code, message or "")
