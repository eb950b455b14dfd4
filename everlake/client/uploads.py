"""Files to a server, part by part, before the records that name them."""

import hashlib
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import UNSET

from everlake.client.client import JSON, Client
from everlake.client.input_files import printable
from everlake.client.responses import StorageRefused, Unreachable
from everlake.contract.uploads import (
    Upload,
    UploadPart,
    UploadProgress,
    UploadRequest,
    UploadStatus,
    UploadTarget,
)

_PATH = "/api/v1/uploads"
_CHUNK_BYTES = 128 * 1024
_MAX_ROUNDS = 5
"""Times that what is missing is sent; more than one only where a signed URL ran out."""
_SIGNATURE_EXPIRED_STATUS = 403

_encode = msgspec.json.Encoder().encode
_decode_upload = msgspec.json.Decoder(Upload).decode
_decode_progress = msgspec.json.Decoder(UploadProgress).decode


class UploadError(Exception):
    """A file cannot be uploaded; the message says why."""


def upload(
    client: Client,
    path: Path,
    *,
    filename: str | None,
    mime_type: str | None,
    resume: str | None,
    progress: Callable[[int], None] | None,
) -> str:
    """As :meth:`everlake.client.client.Client.upload`."""
    size = file_size(path)
    if resume is None:
        state = _create_upload(client, path, size, filename or printable(path.name), mime_type)
    else:
        state = _fetch_upload(client, resume)
        if state.size != size:
            raise UploadError(
                f"{printable(str(path))} has {size:,} bytes, and that upload is of {state.size:,}"
            )
    sender = _UploadSender(client, path, progress or _ignore_progress)
    for _ in range(_MAX_ROUNDS):
        if state.status is not UploadStatus.PENDING:
            break
        sender.send(state)
        state = _fetch_upload(client, state.upload_intent_id)
    if state.status is not UploadStatus.COMPLETE:
        raise UploadError(
            f"{printable(str(path))} did not get through: its upload is {state.status}. Send it "
            "again."
        )
    return state.upload_intent_id


def file_size(path: Path) -> int:
    """The size of a file that can be uploaded.

    Raises:
        UploadError: it is no regular file, or not there.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise UploadError(f"{printable(str(path))} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(facts.st_mode):
        raise UploadError(f"{printable(str(path))} is not a regular file")
    return facts.st_size


def _create_upload(
    client: Client, path: Path, size: int, filename: str, mime_type: str | None
) -> Upload:
    request = UploadRequest(
        size=size,
        filename=filename,
        mime_type=UNSET if mime_type is None else mime_type,
        sha256=_sha256(path),
    )
    headers = {"Content-Type": JSON}
    return client.request(
        "POST", _PATH, _decode_upload, content=[_encode(request)], headers=headers
    )


def _fetch_upload(client: Client, upload_id: str) -> Upload:
    return client.request("GET", f"{_PATH}/{upload_id}", _decode_upload)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UploadError(f"{printable(str(path))} cannot be read: {error.strerror}") from error


class _FileSlice:
    """Some bytes of a file, read as they go out; as often as asked.

    Args:
        path: the file.
        start: the first byte.
        size: how many.
        progress: told how many bytes of the file have gone out.
    """

    def __init__(self, path: Path, start: int, size: int, progress: Callable[[int], None]) -> None:
        self._path = path
        self._start = start
        self._size = size
        self._progress = progress

    def __iter__(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb", buffering=0) as file:
                file.seek(self._start)
                left = self._size
                while left:
                    piece = file.read(min(left, _CHUNK_BYTES))
                    if not piece:
                        raise UploadError(
                            f"{printable(str(self._path))} has become shorter while it was read"
                        )
                    left -= len(piece)
                    yield piece
                    self._progress(self._start + self._size - left)
        except OSError as error:
            raise UploadError(
                f"{printable(str(self._path))} cannot be read: {error.strerror}"
            ) from error


class _UploadSender:
    def __init__(self, client: Client, path: Path, progress: Callable[[int], None]) -> None:
        self._client = client
        self._path = path
        self._progress = progress

    def send(self, state: Upload) -> None:
        """Send what is missing, as far as that goes."""
        try:
            if state.parts is not UNSET:
                for part in state.parts:
                    self._put_target(part, (part.number - 1) * state.part_size, part.size)
            elif state.whole is not UNSET:
                self._put_target(state.whole, 0, state.size)
        except StorageRefused as refusal:
            # Signatures end with the credentials that they were made with; there are fresh ones.
            if refusal.status != _SIGNATURE_EXPIRED_STATUS:
                raise

    def _put_target(self, target: UploadTarget | UploadPart, start: int, size: int) -> None:
        content = _FileSlice(self._path, start, size, self._progress)
        headers = {**target.headers, "Content-Length": str(size)}
        if target.method != "PUT":
            raise Unreachable(f"the server wants a {target.method}, which is not known here")
        # Only a path is the API's own: "//" would begin another host's name (RFC 3986, 4.2).
        if target.url.startswith("/") and not target.url.startswith("//"):
            self._client.request(
                "PUT", target.url, _decode_progress, content=content, headers=headers
            )
        else:
            self._client.put_external(target.url, content, headers)


def _ignore_progress(_: int) -> None:
    pass
