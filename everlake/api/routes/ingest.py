"""``POST /api/v1/ingest`` (contract)."""

from typing import Any, cast

from litestar import Request, Response, post

from everlake.api import parameters
from everlake.api.answers import json_answer
from everlake.api.body import announced, read_body
from everlake.api.services import Services, allowed, key_of
from everlake.contract.batch import PayloadFormat
from everlake.ingest import service
from everlake.ingest.body import BodyReader, parse_media_type

MOST_IDEMPOTENCY_KEY = 256
FORMATS = ("text", "audio", "video", "file")


@post("/api/v1/ingest", guards=[allowed("api:write")], status_code=202)
async def ingest(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """Submit records."""
    media_type = parse_media_type(request.headers.get("content-type", ""))
    reader = BodyReader(request.headers.get("content-encoding", ""), services.limits.body_bytes)
    size = announced(request.headers.get("content-length"), services.limits.body_bytes)
    reader.expect(size)
    async with services.body_memory.hold(max(size, 1)):
        body = await read_body(request.receive, reader, services.body_timeout)
        dry_run = parameters.flag(request.query_params, "dry_run")
        admitted = await services.ingest.submit(
            service.Request(
                key=key_of(request),
                body=body,
                media_type=media_type,
                payload_format=cast(
                    "PayloadFormat | None",
                    parameters.choice(request.query_params, "format", FORMATS),
                ),
                idempotency_key=_idempotency_key(request.headers.get("idempotency-key")),
                dry_run=dry_run,
            )
        )
    headers = {"Idempotent-Replayed": "true"} if admitted.replayed else None
    return json_answer(admitted.receipt, status=200 if dry_run else 202, headers=headers)


def _idempotency_key(value: str | None) -> str | None:
    if value is not None and not 1 <= len(value) <= MOST_IDEMPOTENCY_KEY:
        parameters.invalid("Idempotency-Key", f"must have 1 to {MOST_IDEMPOTENCY_KEY} characters")
    return value
