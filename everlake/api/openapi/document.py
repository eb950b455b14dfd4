"""The OpenAPI document as a whole."""

from functools import lru_cache
from typing import Any

import msgspec

from everlake.api.openapi.operation_descriptions import TAGS
from everlake.api.openapi.operations import paths
from everlake.api.openapi.parameters import component_parameters
from everlake.api.openapi.responses import component_headers, component_responses
from everlake.api.openapi.schemas import component_schemas
from everlake.contract.limits import Limits

_INTRODUCTION = """\
Everlake ingests customer conversations (emails, calls, chats, meeting notes, documents), keeps \
them permanently in a data lake, and makes them searchable.

- **Submit** records with `POST /api/v1/ingest`. A 202 is a promise: the batch survives a loss of \
power.
- **Follow** the batch at `/api/v1/ingest/batches/{{batchId}}`: its records can be queried once it \
is `LANDED` and searched once it is `COMPLETE`.
- **Read** at `/api/v1/records` and `/api/v1/search`.

A key belongs to one workspace and sees nothing else. It may send {rate:g} requests a second, in \
bursts of {burst}; beyond that the response is a 429 with `Retry-After`. Every response has an \
`X-Request-Id`, and every response other than a 2xx has a JSON body with `error` (for programs) \
and `message` (for people)."""
_CACHED_DOCUMENTS = 4


@lru_cache(maxsize=_CACHED_DOCUMENTS)
def encoded_document(limits: Limits, *, version: str) -> bytes:
    """Return the document as JSON, from the cache if it was built before."""
    return msgspec.json.encode(build_document(limits, version=version))


def build_document(limits: Limits, *, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the API.

    Args:
        limits: the limits in force, which appear as bounds and in texts.
        version: the version of Everlake.
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
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths(limits),
        "components": {
            "securitySchemes": _security_schemes(),
            "parameters": component_parameters(),
            "headers": component_headers(),
            "responses": component_responses(),
            "schemas": component_schemas(limits),
        },
    }


def _security_schemes() -> dict[str, Any]:
    return {
        "apiKey": {
            "type": "apiKey",
            "in": "header",
            "name": "x-api-key",
            "description": "An API key of the workspace, which begins with `em_sk_`.",
        },
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The same key as `Authorization: Bearer em_sk_...`.",
        },
    }
