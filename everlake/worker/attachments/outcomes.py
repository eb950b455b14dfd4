"""What came of fetching an attachment, and what is told of it."""

from collections.abc import Sequence

import msgspec

from everlake.attachments.errors import FetchError
from everlake.attachments.paths import content_path
from everlake.attachments.text.formats import is_readable
from everlake.attachments.values import Fetched
from everlake.catalog import uploads
from everlake.catalog.attachments import AttachmentRow
from everlake.catalog.downloads import Stored
from everlake.catalog.engine import Connection
from everlake.catalog.uploads import UploadRow
from everlake.storage import Content
from everlake.worker.attachments.obtaining import Known


class Outcome(msgspec.Struct, frozen=True):
    """The end of one try, after ``seconds``; an error that is no ``FetchError`` is our own."""

    row: AttachmentRow
    result: Fetched | Known | FetchError | Exception
    seconds: float


def place_of(row: AttachmentRow, fetched: Fetched) -> tuple[str, Content]:
    """Where content belongs, and the content."""
    return content_path(row.workspace_id, fetched.sha256), fetched.content


def has_content(one: Outcome) -> bool:
    """Whether it was had."""
    return isinstance(one.result, Fetched | Known)


def stored_of(row: AttachmentRow, content: Fetched | Known) -> Stored:
    """What the catalog is told of it."""
    return Stored(
        id=row.id,
        batch_id=row.batch_id,
        size=content.size,
        mime_type=content.mime_type,
        sha256=content.sha256,
        readable=is_readable(content.mime_type, row.filename),
    )


def note_uploads(tx: Connection, outcomes: Sequence[Outcome]) -> list[UploadRow]:
    """Note what was taken in; the uploads, whose parts are needed no more."""
    taken_in: list[UploadRow] = []
    for one in outcomes:
        row, content = one.row, one.result
        if not isinstance(content, Fetched) or row.upload_id is None:
            continue
        uploads.take_in(
            tx,
            row.workspace_id,
            row.upload_id,
            sha256=content.sha256,
            mime_type=content.mime_type,
        )
        if (upload := uploads.get(tx, row.workspace_id, row.upload_id)) is not None:
            taken_in.append(upload)
    return taken_in
