"""``/api/v1/uploads``: announcing files, and sending them before the records that name them."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from litestar import Request, Response, get, post, put
from litestar.types import Receive

from everlake.api.request_body import declared_length, read_body
from everlake.api.responses import json_response
from everlake.api.services import Services, api_key_of, require_permission
from everlake.attachments.uploads.service import PartConflict, PartRange, parts_of
from everlake.catalog.uploads import UploadRow
from everlake.contract.errors import ErrorCode, WireError
from everlake.contract.media_types import MediaType, parse_media_type
from everlake.contract.uploads import UploadRequest
from everlake.ingest.body_reader import BodyReader
from everlake.timeouts import run_with_timeout

_MAX_BODY_BYTES = 64 * 1024
_RESUME_HINT = "GET this upload to see which parts are missing, and send those."

_Request = Request[Any, Any, Any]
_decode_request = msgspec.json.Decoder(UploadRequest).decode


@post("/api/v1/uploads", guards=[require_permission("api:write")], status_code=201)
async def create_upload(request: _Request, services: Services) -> Response[bytes]:
    """Announce a file; where to send it."""
    if parse_media_type(request.headers.get("content-type", "")) is not MediaType.JSON:
        raise WireError(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json here."
        )
    most = min(_MAX_BODY_BYTES, services.limits.body_bytes)
    reader = BodyReader(request.headers.get("content-encoding", ""), most)
    reader.check_length(declared_length(request.headers.get("content-length"), most))
    body = await read_body(request.receive, reader, services.body_timeout)
    wanted = _parse_request(body)
    if wanted.size > services.limits.attachment_bytes:
        raise WireError(
            ErrorCode.PAYLOAD_TOO_LARGE,
            f"size: an attachment may have at most {services.limits.attachment_bytes:,} bytes.",
        )
    key = api_key_of(request)
    upload = await asyncio.to_thread(services.uploads.create, key.workspace_id, key.id, wanted)
    return json_response(upload, status=201)


@get("/api/v1/uploads/{upload_id:str}", guards=[require_permission("api:write")])
async def get_upload(request: _Request, services: Services, upload_id: str) -> Response[bytes]:
    """How far an upload is, and where to send what is missing."""
    upload = await _find_upload(request, services, upload_id)
    return json_response(await asyncio.to_thread(services.uploads.describe, upload))


@put("/api/v1/uploads/{upload_id:str}", guards=[require_permission("api:write")])
async def put_upload(request: _Request, services: Services, upload_id: str) -> Response[bytes]:
    """Take the whole file."""
    upload = await _find_upload(request, services, upload_id)
    return await _store_parts(request, services, upload, parts_of(upload))


@put("/api/v1/uploads/{upload_id:str}/parts/{number:str}", guards=[require_permission("api:write")])
async def put_part(
    request: _Request, services: Services, upload_id: str, number: str
) -> Response[bytes]:
    """Take one part."""
    upload = await _find_upload(request, services, upload_id)
    parts = [part for part in parts_of(upload) if str(part.number) == number]
    if not parts:
        raise WireError(
            ErrorCode.NOT_FOUND,
            f"This upload has no such part: its parts are 1 to {len(parts_of(upload))}.",
        )
    return await _store_parts(request, services, upload, parts)


async def _find_upload(request: _Request, services: Services, upload_id: str) -> UploadRow:
    workspace_id = api_key_of(request).workspace_id
    upload = await run_with_timeout(
        services.database_timeout, services.uploads.get, workspace_id, upload_id
    )
    if upload is None:
        raise WireError(ErrorCode.NOT_FOUND, "There is no such upload in this key's workspace.")
    return upload


def _parse_request(body: bytes) -> UploadRequest:
    try:
        # That all of it is JSON comes first; msgspec does not look inside the strings of a Raw.
        body.decode()
        msgspec.json.decode(body, type=msgspec.Raw)
        return _decode_request(body)
    except msgspec.ValidationError as error:
        raise WireError(
            ErrorCode.INVALID_BODY,
            f"{error}. Send an object with size (bytes), and filename, mime_type and sha256 (64 "
            "hexadecimal digits) where you know them, and nothing else.",
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise WireError(
            ErrorCode.INVALID_JSON, "The body is not JSON in UTF-8: send one JSON object."
        ) from None


async def _store_parts(
    request: _Request, services: Services, upload: UploadRow, parts: list[PartRange]
) -> Response[bytes]:
    """Store the body, which is these parts."""
    if await run_with_timeout(services.database_timeout, services.uploads.is_expired, upload):
        raise WireError(
            ErrorCode.NOT_FOUND, "This upload has expired: POST /api/v1/uploads announces it anew."
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise WireError(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            "A file is stored as it comes: send it without Content-Encoding.",
        )
    size = sum(part.size for part in parts)
    length = declared_length(request.headers.get("content-length"), size)
    if length > size:
        raise _too_long(size)
    if length < size:
        raise _too_short(length, size)
    body = _BodyPartReader(request.receive, services.body_timeout)
    for part in parts:
        async with (
            services.upload_semaphore.reserve(max(part.size, 1)),
            services.body_semaphore.reserve(max(part.size, 1)),
        ):
            data = await body.read(part.size)
            if len(data) < part.size:
                raise _too_short(part.start - parts[0].start + len(data), size)
            if part is parts[-1] and await body.read(1):
                raise _too_long(size)
            await _store_part(services, upload, part, data)
            del data
    return json_response(await asyncio.to_thread(services.uploads.progress, upload))


async def _store_part(services: Services, upload: UploadRow, part: PartRange, data: bytes) -> None:
    try:
        await asyncio.to_thread(services.uploads.put_part, upload, part, data)
    except PartConflict:
        raise WireError(
            ErrorCode.INVALID_BODY,
            f"Part {part.number} has come before with other bytes, and is left as it was: POST "
            "/api/v1/uploads announces another file.",
        ) from None


class _BodyPartReader:
    """A request's body, in pieces of the sizes that are asked for.

    Args:
        receive: the ASGI channel.
        patience: seconds for each piece to have come.
    """

    def __init__(self, receive: Receive, timeout: float) -> None:
        self._chunks = _receive_chunks(receive)
        self._timeout = timeout
        self._remainder = b""

    async def read(self, size: int) -> bytes:
        """The next ``size`` bytes, or as many as there are until the end.

        Raises:
            WireError: ``INVALID_BODY`` where it stops before its end.
        """
        held: list[bytes] = []
        missing = size
        try:
            async with asyncio.timeout(self._timeout):
                while missing:
                    chunk = self._remainder or await anext(self._chunks, None)
                    if chunk is None:
                        break
                    held.append(chunk[:missing])
                    self._remainder = chunk[missing:]
                    missing -= len(held[-1])
        except TimeoutError:
            raise _incomplete_body() from None
        return b"".join(held)


async def _receive_chunks(receive: Receive) -> AsyncGenerator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _incomplete_body()
        if message["type"] == "http.request":
            more = message["more_body"]
            if message["body"]:
                yield message["body"]


def _incomplete_body() -> WireError:
    return WireError(
        ErrorCode.INVALID_BODY, f"The body stopped before its end, or was too slow. {_RESUME_HINT}"
    )


def _too_short(length: int, size: int) -> WireError:
    return WireError(
        ErrorCode.INVALID_BODY,
        f"The body has {length:,} bytes and should have {size:,}. {_RESUME_HINT}",
    )


def _too_long(size: int) -> WireError:
    return WireError(
        ErrorCode.PAYLOAD_TOO_LARGE,
        f"The body is longer than the {size:,} bytes that are expected here: POST "
        "/api/v1/uploads announces another file.",
    )
