"""``/api/v1/uploads``: announcing files, and sending them before the records that name them."""

from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response

from everlake.api.byte_semaphore import Reservation
from everlake.api.guards import principal_of
from everlake.api.request_body import (
    FIRST_BYTES,
    UPLOAD_HINT,
    BodyPartReader,
    declared_length,
    receive_body,
)
from everlake.api.responses import json_response
from everlake.api.routing import handles
from everlake.api.services import Services
from everlake.attachments.uploads.errors import PartConflict
from everlake.attachments.uploads.types import PartRange, parts_of
from everlake.catalog.uploads import UploadRow
from everlake.contract import endpoints
from everlake.contract.errors import ErrorCode, WireError
from everlake.contract.media_types import MediaType, parse_media_type
from everlake.contract.uploads import UploadRequest
from everlake.ingest.body_reader import BodyReader
from everlake.operations.errors import ResourceNotFound
from everlake.timeouts import run_storage_call, run_storage_call_to_its_end, run_with_timeout

_MAX_BODY_BYTES = 64 * 1024

_Request = Request[Any, Any, Any]
_decode_request = msgspec.json.Decoder(UploadRequest).decode


@handles(endpoints.CREATE_UPLOAD)
async def create_upload(request: _Request, services: Services) -> Response[bytes]:
    """Announce a file, and return where to send it.

    After a 503 the upload may have been announced all the same; it expires, and is deleted then.
    """
    if parse_media_type(request.headers.get("content-type", "")) is not MediaType.JSON:
        raise WireError(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json here."
        )
    limit = min(_MAX_BODY_BYTES, services.limits.body_bytes)
    reader = BodyReader(request.headers.get("content-encoding", ""), limit)
    length = declared_length(request.headers.get("content-length"), limit)
    reader.check_length(length)
    async with receive_body(
        request.receive, reader, length, services.body_memory, services.body_timeout
    ) as body:
        wanted = _parse_request(body)
    largest = services.limits.attachment_bytes
    if services.uploads.max_size is not None:
        largest = min(largest, services.uploads.max_size)
    if wanted.size > largest:
        raise WireError(
            ErrorCode.PAYLOAD_TOO_LARGE,
            f"size: an attachment may have at most {largest:,} bytes here.",
        )
    principal = principal_of(request)
    upload = await run_storage_call(
        services.storage_timeout, services.uploads.create, principal, wanted
    )
    return json_response(upload, status=201)


@handles(endpoints.GET_UPLOAD)
async def get_upload(request: _Request, services: Services, upload_id: str) -> Response[bytes]:
    """Return the progress of an upload, and where to send what is missing."""
    upload = await _find_upload(request, services, upload_id)
    return json_response(
        await run_storage_call(services.storage_timeout, services.uploads.describe, upload)
    )


@handles(endpoints.PUT_UPLOAD)
async def put_upload(request: _Request, services: Services, upload_id: str) -> Response[bytes]:
    """Store the whole file."""
    upload = await _find_upload(request, services, upload_id)
    return await _store_parts(request, services, upload, parts_of(upload))


@handles(endpoints.PUT_UPLOAD_PART)
async def put_part(
    request: _Request, services: Services, upload_id: str, part_number: str
) -> Response[bytes]:
    """Store one part of the file."""
    upload = await _find_upload(request, services, upload_id)
    parts = [part for part in parts_of(upload) if str(part.number) == part_number]
    if not parts:
        raise WireError(
            ErrorCode.NOT_FOUND,
            f"This upload has no such part: its parts are 1 to {len(parts_of(upload))}.",
        )
    return await _store_parts(request, services, upload, parts)


async def _find_upload(request: _Request, services: Services, upload_id: str) -> UploadRow:
    workspace_id = principal_of(request).workspace_id
    upload = await run_with_timeout(
        services.database_timeout, services.uploads.get, workspace_id, upload_id
    )
    if upload is None:
        raise ResourceNotFound("upload", upload_id)
    return upload


def _parse_request(body: bytes) -> UploadRequest:
    try:
        # The whole body must be JSON in UTF-8; msgspec does not check the strings of a Raw.
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
    """Store the body as these parts, which follow one another.

    After a 503 a part may have been stored or not: the client may send the same bytes again.
    """
    if await run_with_timeout(services.database_timeout, services.uploads.is_expired, upload):
        raise WireError(
            ErrorCode.NOT_FOUND,
            "This upload has expired: announce the file again with POST /api/v1/uploads.",
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise WireError(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            "A file is stored as it is sent: send it without Content-Encoding.",
        )
    size = sum(part.size for part in parts)
    length = declared_length(request.headers.get("content-length"), size)
    if length > size:
        raise _too_long(size)
    if length < size:
        raise _too_short(length, size)
    body = BodyPartReader(request.receive, services.body_timeout)
    for part in parts:
        reservation = await services.upload_memory.acquire(min(part.size, FIRST_BYTES))
        try:
            data = await _read_part(body, part, parts, reservation)
        except BaseException:
            reservation.release()
            raise
        await _store_part(services, upload, part, data, reservation)
        del data
    return json_response(
        await run_storage_call(services.storage_timeout, services.uploads.progress, upload)
    )


async def _read_part(
    body: BodyPartReader, part: PartRange, parts: list[PartRange], reservation: Reservation
) -> bytes:
    """Return the bytes of ``part``, the next one of ``parts``, which are all that is expected."""
    size = sum(each.size for each in parts)
    data = await body.read(part.size, reservation)
    if len(data) < part.size:
        raise _too_short(part.start - parts[0].start + len(data), size)
    if part is parts[-1] and not await body.is_at_end():
        raise _too_long(size)
    return data


async def _store_part(
    services: Services, upload: UploadRow, part: PartRange, data: bytes, reservation: Reservation
) -> None:
    """Store a part; its memory is released when no thread holds it any more."""
    try:
        await run_storage_call_to_its_end(
            services.storage_timeout,
            reservation.release,
            partial(services.uploads.put_part, upload, part, data),
        )
    except PartConflict:
        raise WireError(
            ErrorCode.INVALID_BODY,
            f"Part {part.number} was sent before with other bytes, and is kept as it was: announce "
            "another file with POST /api/v1/uploads.",
        ) from None


def _too_short(length: int, size: int) -> WireError:
    return WireError(
        ErrorCode.INVALID_BODY,
        f"The body has {length:,} bytes and should have {size:,}. {UPLOAD_HINT}",
    )


def _too_long(size: int) -> WireError:
    return WireError(
        ErrorCode.PAYLOAD_TOO_LARGE,
        f"The body is longer than the {size:,} bytes that are expected here. Announce another file "
        "with POST /api/v1/uploads.",
    )
