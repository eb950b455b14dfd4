"""``POST /api/v1/ingest``: submitting records."""

from typing import Any

from litestar import Request, Response

from everlake.api.guards import principal_of
from everlake.api.query import parse_parameters
from everlake.api.request_body import declared_length, receive_body
from everlake.api.responses import json_response
from everlake.api.routing import handles
from everlake.api.services import Services
from everlake.contract import endpoints
from everlake.contract.media_types import parse_media_type
from everlake.contract.queries import IngestHeaders, IngestQuery
from everlake.ingest.body_reader import BodyReader
from everlake.ingest.types import IngestRequest


@handles(endpoints.INGEST)
async def ingest(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """Accept records as a batch, or validate them only (``dry_run``)."""
    media_type = parse_media_type(request.headers.get("content-type", ""))
    reader = BodyReader(request.headers.get("content-encoding", ""), services.limits.body_bytes)
    size = declared_length(request.headers.get("content-length"), services.limits.body_bytes)
    reader.check_length(size)
    async with receive_body(
        request.receive, reader, size, services.body_memory, services.body_timeout
    ) as body:
        query = parse_parameters(IngestQuery, request.query_params)
        headers = parse_parameters(IngestHeaders, request.headers)
        result = await services.ingest.submit(
            IngestRequest(
                principal=principal_of(request),
                body=body,
                media_type=media_type,
                payload_format=query.format,
                idempotency_key=headers.idempotency_key,
                dry_run=query.dry_run,
            )
        )
    replayed = {"Idempotent-Replayed": "true"} if result.replayed else None
    status = 200 if query.dry_run else 202
    return json_response(result.receipt, status=status, headers=replayed)
