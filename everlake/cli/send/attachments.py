"""``everlake send --attach``: files that are uploaded and attached to the only record."""

import mimetypes
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Raw
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from everlake.cli.console import err, fail
from everlake.client import Client, InputRecord, RejectedInput, UnreadableInput, UploadError
from everlake.client.input_files import printable
from everlake.client.uploads import file_size
from everlake.contract.envelope import Attachment
from everlake.contract.media_types import MediaType

_ATTACHMENT_TYPES = ("audio", "video", "image", "text")
_MAX_ERROR_LENGTH = 500

_encode = msgspec.json.Encoder().encode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_array = msgspec.json.Decoder(list[Raw]).decode


def check_files_readable(paths: Sequence[Path]) -> None:
    """Return if the files can be uploaded.

    Raises:
        CommandError: one cannot.
    """
    for path in paths:
        try:
            file_size(path)
        except UploadError as error:
            fail(str(error))


def only_record(items: Iterable[InputRecord | RejectedInput | UnreadableInput]) -> InputRecord:
    """Return the only record of the input.

    Raises:
        CommandError: there is none, there are several, or it cannot be read.
    """
    record: InputRecord | None = None
    for item in items:
        if isinstance(item, UnreadableInput):
            fail(item.message)
        if isinstance(item, RejectedInput):
            fail(f"{item.location}: {item.errors[0][1]}")
        if record is not None:
            fail("--attach needs exactly one record, and there are more: send that one by itself")
        record = item
    if record is None:
        fail("--attach needs exactly one record, and there is none")
    return record


def upload_and_attach(
    client: Client, record: InputRecord, paths: Sequence[Path], *, quiet: bool
) -> InputRecord:
    """Upload files, and return the record with them in its ``_attachments``.

    The record is validated first, so that no file is uploaded for a record that is rejected.

    Raises:
        CommandError: the record would be rejected, or a file cannot be read.
        ApiError: error response of the server.
        StorageRefused: error response of the storage.
        Unreachable: no response.
    """
    members = _members(record)
    attachments = _attachments(members, record)
    _validate_record(client, record)
    for path in paths:
        attachments.append(Raw(_encode(_upload(client, path, quiet=quiet))))
    members["_attachments"] = Raw(_encode(attachments))
    return InputRecord(_encode(members), MediaType.JSON, record.location)


def _members(record: InputRecord) -> dict[str, Raw]:
    try:
        return _decode_members(record.text)
    except (msgspec.DecodeError, RecursionError):
        fail(f"{record.location}: the record is not a JSON object")


def _attachments(members: dict[str, Raw], record: InputRecord) -> list[Raw]:
    try:
        return _decode_array(members.get("_attachments", Raw(b"[]")))
    except msgspec.DecodeError:
        fail(f"{record.location}: _attachments must be an array")


def _validate_record(client: Client, record: InputRecord) -> None:
    receipt = client.ingest(
        record.text, content_type=record.media_type, idempotency_key="dry-run", dry_run=True
    )
    if receipt.rejectedCount:
        reason = "; ".join(error.message for error in receipt.errors or ())
        fail(f"{record.location}: the record would be rejected: {reason[:_MAX_ERROR_LENGTH]}")


def _upload(client: Client, path: Path, *, quiet: bool) -> Attachment:
    size = file_size(path)
    name = printable(path.name)
    mime_type, encoding = mimetypes.guess_type(path.name)
    if mime_type is None or encoding is not None:
        mime_type = "application/octet-stream"
    bar = Progress(
        TextColumn("uploading {task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=err,
        disable=quiet or not err.is_terminal,
    )
    with bar:
        task = bar.add_task(name, total=size)
        try:
            upload_id = client.upload(
                path,
                mime_type=mime_type,
                progress=lambda sent: bar.update(task, completed=sent),
            )
        except UploadError as error:
            fail(str(error))
    if not (quiet or err.is_terminal):
        err.print(f"uploaded {name}, {size:,} bytes", markup=False)
    kind = mime_type.partition("/")[0]
    return Attachment(
        type=kind if kind in _ATTACHMENT_TYPES else "file",
        filename=name,
        size=size,
        mime_type=mime_type,
        upload_intent_id=upload_id,
    )
