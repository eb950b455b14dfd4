"""Uploads of files, part by part."""

import hashlib
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import UNSET

from everlake.client.errors import StorageRefused, Unreachable, UploadError
from everlake.client.input_files import printable
from everlake.client.responses import decode_response
from everlake.client.transport import CHUNK_BYTES, Transport
from everlake.contract import endpoints
from everlake.contract.media_types import MediaType
from everlake.contract.uploads import (
    Upload,
    UploadPart,
    UploadProgress,
    UploadRequest,
    UploadStatus,
    UploadTarget,
)

_MAX_ROUNDS = 5
"""Most times that missing parts are sent: more than once only if signed URLs have expired."""
_SIGNATURE_EXPIRED_STATUS = 403

_encode = msgspec.json.Encoder().encode
_decode_upload = msgspec.json.Decoder(Upload).decode
_decode_progress = msgspec.json.Decoder(UploadProgress).decode


def upload_file(
    transport: Transport,
    path: Path,
    *,
    filename: str | None,
    mime_type: str | None,
    resume: str | None,
    progress: Callable[[int], None] | None,
) -> str:
    """Upload a file as :meth:`everlake.client.client.Client.upload` does."""
    size = file_size(path)
    if resume is None:
        upload = _create_upload(transport, path, size, filename or printable(path.name), mime_type)
    else:
        upload = _fetch_upload(transport, resume)
        if upload.size != size:
            raise UploadError(
                f"{printable(str(path))} has {size:,} bytes, and that upload is of {upload.size:,}"
            )
    sender = _UploadSender(transport, path, progress or _ignore_progress)
    for _ in range(_MAX_ROUNDS):
        if upload.status is not UploadStatus.PENDING:
            break
        sender.send(upload)
        upload = _fetch_upload(transport, upload.upload_intent_id)
    if upload.status is not UploadStatus.COMPLETE:
        raise UploadError(
            f"{printable(str(path))} was not uploaded: its upload is {upload.status}. "
            "Send it again."
        )
    return upload.upload_intent_id


def file_size(path: Path) -> int:
    """Return the size of a file that can be uploaded.

    Raises:
        UploadError: the file does not exist, or is not a regular file.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise UploadError(f"{printable(str(path))} is not a regular file")
    return status.st_size


def _unreadable(path: Path, error: OSError) -> UploadError:
    return UploadError(f"{printable(str(path))} cannot be read: {error.strerror}")


def _create_upload(
    transport: Transport, path: Path, size: int, filename: str, mime_type: str | None
) -> Upload:
    request = UploadRequest(
        size=size,
        filename=filename,
        mime_type=UNSET if mime_type is None else mime_type,
        sha256=_sha256(path),
    )
    endpoint = endpoints.CREATE_UPLOAD
    headers = {"Content-Type": MediaType.JSON}
    response = transport.send(
        endpoint.method, endpoint.url(), content=[_encode(request)], headers=headers
    )
    return decode_response(response, _decode_upload)


def _fetch_upload(transport: Transport, upload_id: str) -> Upload:
    response = transport.send("GET", endpoints.GET_UPLOAD.url(uploadId=upload_id))
    return decode_response(response, _decode_upload)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


class _FileSlice:
    """Part of a file as a body: read while it is sent, as often as the request is made.

    Args:
        path: of the file.
        start: offset of the part.
        size: of the part.
        progress: called with the number of bytes of the file sent so far.
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
                    chunk = file.read(min(left, CHUNK_BYTES))
                    if not chunk:
                        raise UploadError(
                            f"{printable(str(self._path))} has become shorter while it was read"
                        )
                    left -= len(chunk)
                    yield chunk
                    self._progress(self._start + self._size - left)
        except OSError as error:
            raise _unreadable(self._path, error) from error


class _UploadSender:
    """Sends the missing parts of one upload."""

    def __init__(self, transport: Transport, path: Path, progress: Callable[[int], None]) -> None:
        self._transport = transport
        self._path = path
        self._progress = progress

    def send(self, upload: Upload) -> None:
        """Send what is missing, until all is sent or a signed URL has expired."""
        try:
            if upload.parts is not UNSET:
                for part in upload.parts:
                    self._put_target(part, (part.number - 1) * upload.part_size, part.size)
            elif upload.whole is not UNSET:
                self._put_target(upload.whole, 0, upload.size)
        except StorageRefused as error:
            # A signature expires with the credentials that made it; the server makes new ones.
            if error.status != _SIGNATURE_EXPIRED_STATUS:
                raise

    def _put_target(self, target: UploadTarget | UploadPart, start: int, size: int) -> None:
        content = _FileSlice(self._path, start, size, self._progress)
        headers = {**target.headers, "Content-Length": str(size)}
        if target.method != "PUT":
            raise Unreachable(f"the server asks for a {target.method} request, not for a PUT")
        # A path is the API's own, but "//" would begin the name of another host (RFC 3986, 4.2).
        if target.url.startswith("/") and not target.url.startswith("//"):
            response = self._transport.send("PUT", target.url, content=content, headers=headers)
            decode_response(response, _decode_progress)
        else:
            self._transport.put_external(target.url, content, headers)


def _ignore_progress(_: int) -> None:
    pass
