"""``POST /api/v1/ingest`` (contract)."""

from typing import Any, cast

from litestar import Request, Response, post

from everlake.api import query
from everlake.api.request_body import declared_length, read_body
from everlake.api.responses import json_response
from everlake.api.services import Services, api_key_of, require_permission
from everlake.contract.batches import PayloadFormat
from everlake.contract.media_types import parse_media_type
from everlake.ingest.body_reader import BodyReader
from everlake.ingest.types import IngestRequest

MAX_IDEMPOTENCY_KEY_LENGTH = 256
PAYLOAD_FORMATS = ("text", "audio", "video", "file")


@post("/api/v1/ingest", guards=[require_permission("api:write")], status_code=202)
async def ingest(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """Submit records."""
    media_type = parse_media_type(request.headers.get("content-type", ""))
    reader = BodyReader(request.headers.get("content-encoding", ""), services.limits.body_bytes)
    size = declared_length(request.headers.get("content-length"), services.limits.body_bytes)
    reader.check_length(size)
    async with services.body_semaphore.reserve(max(size, 1)):
        body = await read_body(request.receive, reader, services.body_timeout)
        dry_run = query.parse_flag(request.query_params, "dry_run")
        admitted = await services.ingest.submit(
            IngestRequest(
                key=api_key_of(request),
                body=body,
                media_type=media_type,
                payload_format=cast(
                    "PayloadFormat | None",
                    query.parse_choice(request.query_params, "format", PAYLOAD_FORMATS),
                ),
                idempotency_key=_parse_idempotency_key(request.headers.get("idempotency-key")),
                dry_run=dry_run,
            )
        )
    headers = {"Idempotent-Replayed": "true"} if admitted.replayed else None
    return json_response(admitted.receipt, status=200 if dry_run else 202, headers=headers)


def _parse_idempotency_key(value: str | None) -> str | None:
    if value is not None and not 1 <= len(value) <= MAX_IDEMPOTENCY_KEY_LENGTH:
        query.raise_invalid_parameter(
            "Idempotency-Key", f"must have 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} characters"
        )
    return value
