"""The whole OpenAPI document."""

from typing import Any

from everlake.api.openapi.operations import paths
from everlake.api.openapi.parameters import component_parameters
from everlake.api.openapi.responses import headers, shared_responses
from everlake.api.openapi.schemas import component_schemas
from everlake.contract.limits import Limits

_INTRODUCTION = """\
Everlake takes in customer conversations (emails, calls, chats, meeting notes, documents), keeps \
them for good in a data lake, and makes them searchable.

- **Submit** records with `POST /api/v1/ingest`. A 202 is a promise: the batch survives the loss \
of power.
- **Follow** the batch at `/api/v1/ingest/batches/{{batchId}}`: its records can be queried once it \
is `LANDED` and searched once it is `COMPLETE`.
- **Read** at `/api/v1/records` and `/api/v1/search`.

Every key belongs to one workspace and sees nothing else. A key may send {rate:g} requests a \
second, in bursts of {burst}; a faster one is answered 429 with `Retry-After`. Every answer has \
an `X-Request-Id`, and every answer that is not a 2xx has a JSON body with `error` (for programs) \
and `message` (for people)."""

_TAGS = {
    "Ingest": "Submitting records, and following the batches they become.",
    "Attachments": "Files that belong to records: uploading them, following them, reading them.",
    "Records": "Reading back what is in the lake.",
    "Search": "Finding what was said.",
    "Products and projects": "What records are about.",
    "Service": "For supervisors and load balancers; no key needed.",
}


def build_document(limits: Limits, *, version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 description of the API, ready to be written as JSON.

    Args:
        limits: the limits in force; they appear as bounds and in the text.
        version: of Everlake.
    """
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Everlake API",
            "version": version,
            "summary": "Ingestion and search of customer conversations.",
            "description": _INTRODUCTION.format(
                rate=limits.requests_per_second, burst=limits.burst
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"apiKey": []}, {"bearer": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths(limits),
        "components": {
            "securitySchemes": _security_schemes(),
            "parameters": component_parameters(),
            "headers": headers(),
            "responses": shared_responses(),
            "schemas": component_schemas(limits),
        },
    }


def _security_schemes() -> dict[str, Any]:
    return {
        "apiKey": {
            "type": "apiKey",
            "in": "header",
            "name": "x-api-key",
            "description": "A key of the workspace: `em_sk_` and what follows.",
        },
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The same key as `Authorization: Bearer em_sk_...`.",
        },
    }
