"""``everlake send --attach``: files uploaded first, and named by the one record that is sent."""

import mimetypes
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Raw
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from everlake.cli.console import err, fail
from everlake.client.client import Client
from everlake.client.errors import UploadError
from everlake.client.input_files import printable
from everlake.client.types import InputItem, InputRecord, RejectedInput, UnreadableInput
from everlake.client.uploads import file_size
from everlake.contract.envelope import Attachment
from everlake.contract.media_types import MediaType

_ATTACHMENT_TYPES = ("audio", "video", "image", "text")
_MAX_ERROR_LENGTH = 500

_encode = msgspec.json.Encoder().encode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_array = msgspec.json.Decoder(list[Raw]).decode


def check_files_readable(paths: Sequence[Path]) -> None:
    """Hold that the files can be uploaded, before anything is sent.

    Raises:
        CommandError: one cannot.
    """
    for path in paths:
        try:
            file_size(path)
        except UploadError as error:
            fail(str(error))


def only_record(read: Iterable[InputItem]) -> InputRecord:
    """The one record that the files go with.

    Raises:
        CommandError: there is none, or there are several, or it cannot be read.
    """
    found: InputRecord | None = None
    for each in read:
        if isinstance(each, UnreadableInput):
            fail(each.message)
        if isinstance(each, RejectedInput):
            fail(f"{each.location}: {each.errors[0][1]}")
        if found is not None:
            fail("--attach goes with one record, and there are more: send that one by itself")
        found = each
    if found is None:
        fail("--attach goes with one record, and there is none")
    return found


def upload_and_attach(
    client: Client, item: InputRecord, paths: Sequence[Path], *, quiet: bool
) -> InputRecord:
    """The record with the files in its ``_attachments``, once they are uploaded.

    It is judged before that, so that no file goes out for a record that would be refused.

    Raises:
        CommandError: it would be refused, or a file cannot be read.
        ApiError, StorageRefused, Unreachable: a file does not get through.
    """
    members = _members(item)
    attachments = _attachments(members, item)
    _validate_record(client, item)
    for path in paths:
        attachments.append(Raw(_encode(_upload(client, path, quiet=quiet))))
    members["_attachments"] = Raw(_encode(attachments))
    return InputRecord(_encode(members), MediaType.JSON, item.location)


def _members(item: InputRecord) -> dict[str, Raw]:
    try:
        return _decode_members(item.text)
    except (msgspec.DecodeError, RecursionError):
        fail(f"{item.location}: the record is not a JSON object")


def _attachments(members: dict[str, Raw], item: InputRecord) -> list[Raw]:
    try:
        return _decode_array(members.get("_attachments", Raw(b"[]")))
    except msgspec.DecodeError:
        fail(f"{item.location}: _attachments must be an array")


def _validate_record(client: Client, item: InputRecord) -> None:
    receipt = client.ingest(
        item.text, content_type=item.media_type, idempotency_key="dry-run", dry_run=True
    )
    if receipt.rejectedCount:
        why = "; ".join(error.message for error in receipt.errors or ())
        fail(f"{item.location}: the record would be refused: {why[:_MAX_ERROR_LENGTH]}")


def _upload(client: Client, path: Path, *, quiet: bool) -> Attachment:
    size = file_size(path)
    name = printable(path.name)
    mime_type, packed = mimetypes.guess_type(path.name)
    if mime_type is None or packed is not None:
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
