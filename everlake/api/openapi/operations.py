"""Operations, one for each endpoint of the contract."""

from typing import Any

from everlake.api.openapi.examples import REQUEST_EXAMPLES
from everlake.api.openapi.operation_descriptions import OPERATIONS, REQUEST_BODIES
from everlake.api.openapi.parameters import parameter_refs
from everlake.api.openapi.responses import JSON, responses_of
from everlake.api.openapi.schemas import ref
from everlake.contract.endpoints import ENDPOINTS, Endpoint
from everlake.contract.limits import Limits
from everlake.contract.media_types import BINARY, MediaType

_RECORDS = {"oneOf": [ref("Record"), ref("RecordArray"), ref("RecordsWrapper")]}
_LINES = {"type": "string", "description": "One `Record` per line."}


def paths(limits: Limits) -> dict[str, Any]:
    """Return the path items of the document.

    Args:
        limits: the limits in force.
    """
    items: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        items.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, limits)
    return items


def _operation(endpoint: Endpoint, limits: Limits) -> dict[str, Any]:
    text = OPERATIONS[endpoint.id]
    operation: dict[str, Any] = {
        "operationId": endpoint.id,
        "tags": [text.tag],
        "summary": text.summary,
        "description": text.description.format(limits=limits),
        "security": _security(endpoint),
    }
    parameters = parameter_refs(endpoint)
    if parameters:
        operation["parameters"] = parameters
    content = _body_content(endpoint)
    if content:
        texts = (
            {"description": REQUEST_BODIES[endpoint.id]} if endpoint.id in REQUEST_BODIES else {}
        )
        operation["requestBody"] = {"required": True, **texts, "content": content}
    operation["responses"] = responses_of(endpoint)
    return operation


def _security(endpoint: Endpoint) -> list[dict[str, Any]]:
    """Return a key with any of the permissions, in either header (OpenAPI 3.1.1, 4.8.30)."""
    return [
        {scheme: [permission]}
        for permission in endpoint.permissions
        for scheme in ("apiKey", "bearer")
    ]


def _body_content(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.id == "ingest":
        return {
            JSON: {"schema": _RECORDS, "examples": REQUEST_EXAMPLES["ingest"]},
            MediaType.NDJSON.value: {"schema": _LINES, "examples": REQUEST_EXAMPLES["lines"]},
        }
    if endpoint.method == "PUT":
        return {BINARY: {}}
    if endpoint.body is None:
        return {}
    examples = REQUEST_EXAMPLES[endpoint.id]
    return {JSON: {"schema": ref(endpoint.body.__name__), "examples": examples}}
