"""The table of endpoints."""

import ast
from pathlib import Path

import pytest

import everlake.api.openapi
import everlake.api.routes
from everlake.contract.endpoints import (
    ENDPOINTS,
    GET_ATTACHMENT_CONTENT,
    GET_BATCH,
    GET_HEALTH,
    INGEST,
    LIST_BATCHES,
    PUT_UPLOAD_PART,
    Endpoint,
)
from everlake.contract.errors import ErrorCode, status_of


def test_an_id_is_one_segment_of_the_path() -> None:
    assert GET_BATCH.url(batchId="0198c5a2") == "/api/v1/ingest/batches/0198c5a2"
    assert GET_BATCH.url(batchId="a/../b?c#d é") == (
        "/api/v1/ingest/batches/a%2F..%2Fb%3Fc%23d%20%C3%A9"
    )
    assert PUT_UPLOAD_PART.url(uploadId="upl_1", partNumber="2") == "/api/v1/uploads/upl_1/parts/2"


def test_a_url_needs_every_id() -> None:
    with pytest.raises(KeyError):
        GET_BATCH.url()


def test_error_codes_follow_from_what_an_endpoint_takes() -> None:
    everyone = {ErrorCode.METHOD_NOT_ALLOWED, ErrorCode.INTERNAL_ERROR, ErrorCode.UNAVAILABLE}
    keyed = everyone | {ErrorCode.UNAUTHORIZED, ErrorCode.FORBIDDEN, ErrorCode.RATE_LIMITED}
    assert set(GET_HEALTH.error_codes) == everyone
    assert set(GET_BATCH.error_codes) == keyed | {ErrorCode.NOT_FOUND}
    assert set(LIST_BATCHES.error_codes) == keyed | {ErrorCode.INVALID_PARAMETER}
    assert set(GET_ATTACHMENT_CONTENT.error_codes) == keyed | {
        ErrorCode.NOT_FOUND,
        ErrorCode.RANGE_NOT_SATISFIABLE,
    }
    assert {code for code in ErrorCode if status_of(code) == 400} <= set(INGEST.error_codes)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.id)
def test_a_body_is_sent_by_post_or_put_and_a_key_is_needed_below_api(endpoint: Endpoint) -> None:
    assert endpoint.body is None or endpoint.method == "POST"
    assert bool(endpoint.permissions) == endpoint.path.startswith("/api/")
    assert endpoint.responses


@pytest.mark.parametrize("package", [everlake.api.routes, everlake.api.openapi])
def test_limits_are_stated_in_the_contract_alone(package: object) -> None:
    """No route and no part of the OpenAPI document has a bound of its own."""
    bounds = {"maxLength", "maxItems", "maximum", "max_length", "max_items", "le"}
    found: list[str] = []
    for path in Path(package.__path__[0]).glob("*.py"):  # type: ignore[attr-defined]
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            pairs: list[tuple[object, ast.expr | None]] = []
            if isinstance(node, ast.Dict):
                keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
                pairs = list(zip(keys, node.values, strict=True))
            elif isinstance(node, ast.Call):
                pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
            found += [
                f"{path.name}:{value.lineno}"
                for name, value in pairs
                if name in bounds and isinstance(value, ast.Constant)
            ]
    # Of the header X-Request-Id and of the id of an event, which have no type in the contract.
    assert sorted(name.partition(":")[0] for name in found) == (
        ["responses.py", "schemas.py"] if package is everlake.api.openapi else []
    )
