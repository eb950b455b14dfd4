"""Attachments of landed batches, as their owners see them.

:mod:`everlake.catalog.download_queue` has the leases and outcomes of their downloads,
:mod:`everlake.catalog.texts` the progress of their texts.
"""

from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, select, tuple_, update

from everlake.batching import chunked
from everlake.catalog.database import Catalog
from everlake.catalog.statements import MAX_PARAMETERS, insert_into
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


class TextStage(StrEnum):
    """Progress of the text of a stored attachment."""

    PENDING = "PENDING"
    """To be extracted from the file."""
    RECORDING = "RECORDING"
    """The file is audio or video: to be transcribed."""
    READY = "READY"
    """Stored, and to be written to the lake's tables."""
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


class NewAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment as its record states it.

    Attributes:
        line: the record's line in the batch's landing object, from 0.
        place: the attachment's position in the record, from 0.
        kind: its ``type``.
        host: the host of its URL, by which downloads of a workspace take turns; empty where it
            has no URL.
        due_at: when its content may be fetched, in Unix milliseconds.
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
    """An attachment as it is stored.

    Attributes:
        status: of its download: ``PENDING``, ``COMPLETE`` or ``FAILED``.
        due_at: end of the lease while ``lease_owner`` is set, else time of the next attempt.
        attempts: failed ones, since the first one or a retry.
        size: of the content, like ``mime_type`` and ``sha256``.
        text_status: progress of its text; None where its format has none.
        indexed_at: when its text was written to the lake's tables.
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
    text_error_code: str | None
    text_error: str | None
    indexed_at: int | None

    @property
    def display_name(self) -> str:
        """Its file name, or its id where it has none."""
        return self.filename or self.id

    def view(self) -> BatchAttachment:
        """Return the attachment as its owner sees it."""
        pending = self.status is AttachmentStatus.PENDING
        leased = pending and self.lease_owner is not None
        return BatchAttachment(
            attachment_id=self.id,
            batch_id=self.batch_id,
            record_id=self.record_id,
            index=self.place,
            type=self.kind,
            status=AttachmentStatus.IN_PROGRESS if leased else self.status,
            attempts=self._tried(leased=leased),
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

    def _tried(self, *, leased: bool) -> int:
        """Return the attempts, with the one under way and the one that succeeded."""
        succeeded = self.status is AttachmentStatus.COMPLETE
        return self.attempts + (leased or succeeded)

    def _text(self) -> TextProgress | msgspec.UnsetType:
        if self.text_status is None:
            return UNSET
        settled = self.text_status in {TextStage.COMPLETE, TextStage.FAILED}
        shown = TextStatus(self.text_status) if settled else TextStatus.PENDING
        return TextProgress(shown, _error(self.text_error_code, self.text_error))


SELECT_ATTACHMENTS = select(*(_c[name] for name in AttachmentRow.__struct_fields__))
"""Selects what :func:`attachment_row` needs."""
_GET = SELECT_ATTACHMENTS.where(
    _c.workspace_id == bindparam("workspace"), _c.id == bindparam("attachment")
)


def attachment_row(values: RowMapping) -> AttachmentRow:
    """Return the attachment that a row of :data:`SELECT_ATTACHMENTS` stands for."""
    text_status = values["text_status"]
    found: dict[str, Any] = {
        **values,
        "status": AttachmentStatus(values["status"]),
        "text_status": None if text_status is None else TextStage(text_status),
    }
    return AttachmentRow(**found)


def insert(tx: Connection, rows: Sequence[NewAttachment]) -> None:
    """Store attachments of a landed batch; leave those that exist as they are."""
    if not rows:
        return
    statement = insert_into(tx.dialect.name, attachments).on_conflict_do_nothing(
        index_elements=[_c.id]
    )
    fresh = {"status": AttachmentStatus.PENDING.value, "attempts": 0, "text_attempts": 0}
    tx.execute(statement, [{**msgspec.structs.asdict(row), **fresh} for row in rows])


def get(tx: Connection, workspace_id: str, attachment_id: str) -> AttachmentRow | None:
    """Return the workspace's attachment with that id, or None."""
    given = {"workspace": workspace_id, "attachment": attachment_id}
    row = tx.execute(_GET, given).mappings().first()
    return None if row is None else attachment_row(row)


def get_many(tx: Connection, ids: Collection[str]) -> dict[str, AttachmentRow]:
    """Return those attachments with these ids that exist, by id."""
    found: dict[str, AttachmentRow] = {}
    for chunk in chunked(ids, MAX_PARAMETERS):
        rows = tx.execute(SELECT_ATTACHMENTS.where(_c.id.in_(chunk))).mappings()
        found.update((row["id"], attachment_row(row)) for row in rows)
    return found


def page(
    tx: Connection,
    batch_id: str,
    *,
    limit: int | None,
    after: tuple[int, int] | None = None,
    status: AttachmentStatus | None = None,
) -> list[AttachmentRow]:
    """Return a page of a batch's attachments in the order of its records.

    Args:
        limit: size of the page; None for all that follow.
        after: line and place of the last attachment of the page before.
        status: only attachments in it; ``IN_PROGRESS`` are those whose download is leased.
    """
    statement = SELECT_ATTACHMENTS.where(_c.batch_id == batch_id)
    if after is not None:
        statement = statement.where(tuple_(_c.line, _c.place) > tuple_(*after))
    if status is not None:
        statement = statement.where(*_status_filter(status))
    statement = statement.order_by(_c.line, _c.place).limit(limit)
    return [attachment_row(row) for row in tx.execute(statement).mappings()]


def iter_stored(catalog: Catalog, workspace_id: str) -> Iterator[AttachmentRow]:
    """Yield the attachments of a workspace whose content is stored, by id."""
    statement = (
        SELECT_ATTACHMENTS.where(
            _c.workspace_id == workspace_id, _c.status == AttachmentStatus.COMPLETE.value
        )
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


def retry_failed(tx: Connection, workspace_id: str, batch_id: str, *, now: int) -> int:
    """Make a batch's failed downloads due, with no attempts; return their number."""
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
