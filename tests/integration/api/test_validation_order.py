"""Contract, Judged in this order: what comes first is what is told."""

from typing import Any

import pytest

from tests.support.api_workspaces import ApiWorkspaces, as_ndjson, assert_error, ndjson
from tests.support.server import ApiClient

BIG = b" " * (6 * 1024 * 1024)


def test_the_permission_comes_before_media_type_size_and_body(home: ApiWorkspaces) -> None:
    reader = home.workspace(["api:read"])
    assert_error(reader.post(b"", headers={"content-type": "text/plain"}), 403, "FORBIDDEN")
    assert_error(reader.post(b"", headers={"content-encoding": "br"}), 403, "FORBIDDEN")
    assert_error(reader.post(BIG), 403, "FORBIDDEN")
    assert_error(reader.post(b"{"), 403, "FORBIDDEN")
    assert_error(reader.post(b"{}", params={"format": "x"}), 403, "FORBIDDEN")


def test_media_type_comes_before_the_body(api: ApiClient) -> None:
    assert_error(
        api.post(b"{", headers={"content-type": "text/plain"}), 415, "UNSUPPORTED_MEDIA_TYPE"
    )
    assert_error(
        api.post(BIG, headers={"content-type": "text/plain"}), 415, "UNSUPPORTED_MEDIA_TYPE"
    )


def test_the_size_comes_before_what_the_body_says(api: ApiClient) -> None:
    assert_error(api.post(b"{" + BIG), 413, "PAYLOAD_TOO_LARGE")
    assert_error(api.post(BIG, params={"format": "x"}), 413, "PAYLOAD_TOO_LARGE")


def test_json_comes_before_the_count(api: ApiClient) -> None:
    assert_error(api.post(b"[" + b"{}," * 1_001 + b"{]"), 400, "INVALID_JSON")


def test_the_count_comes_before_type_and_product(api: ApiClient) -> None:
    mixed = [{"_type": "email", "_product_id": "a"}, {"_type": "call", "_product_id": "b"}]
    assert_error(api.post(mixed * 501), 400, "TOO_MANY_RECORDS")


@pytest.mark.parametrize("form", ["array", "ndjson"])
@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "email"},
        {"_product_id": "other"},
        {"_type": "email", "_product_id": "other", "data": 1},
    ],
)
def test_the_records_of_a_request_have_one_type_and_one_product(
    api: ApiClient, changes: dict[str, Any], form: str
) -> None:
    records = [api.record(), api.record(**changes)]
    answer = api.post(records) if form == "array" else as_ndjson(api, ndjson(*records))
    assert_error(answer, 400, "MIXED_BATCH")


def test_types_are_compared_after_trimming_and_lower_casing(api: ApiClient) -> None:
    api.accept([api.record(), api.record(_type=" MESSAGE\n")])


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": ...},
        {"_product_id": ...},
        {"_type": "nonsense"},
        {"_type": "emial", "_product_id": "nowhere"},
        {"_product_id": "x" * 129},
        {"_type": "email", "_product_id": "x" * 129},
        {"_type": 1, "_product_id": "nowhere"},
        {"_type": "email", "_product_id": None},
        {"_type": "email", "_product_id": ...},
        {"_type": None, "_product_id": "nowhere"},
    ],
)
def test_only_records_with_a_valid_type_and_product_are_compared(
    api: ApiClient, changes: dict[str, Any]
) -> None:
    answer = api.post([api.record(), api.record(**changes)])
    assert answer.status_code == 202, answer.text
    assert answer.json()["rejectedCount"] == 1


def test_a_mixture_comes_before_an_unknown_product(api: ApiClient) -> None:
    records = [api.record(_product_id="nowhere"), api.record(_product_id="elsewhere")]
    assert_error(api.post(records), 400, "MIXED_BATCH")


def test_the_product_comes_before_the_records_by_themselves(
    home: ApiWorkspaces, api: ApiClient
) -> None:
    other = home.workspace()
    for product in ("nowhere", "", "x" * 128, other.setup["product_id"]):
        for changes in ({}, {"data": 1}, {"_project_ids": ["x"]}):
            answer = api.post([api.record(_product_id=product, **changes)])
            assert_error(answer, 400, "UNKNOWN_PRODUCT")


def test_nothing_is_stored_of_a_request_that_is_refused_as_a_whole(fresh: ApiClient) -> None:
    right = fresh.record()
    for bodies in (
        [right, {**right, "_type": "email"}],
        [{**right, "_product_id": "x"}],
        [right] * 1_001,
    ):
        assert fresh.post(bodies).status_code == 400
    assert fresh.http.get("/api/v1/ingest/batches").json()["batches"] == []


def test_a_bad_record_without_product_is_judged_by_itself(fresh: ApiClient) -> None:
    answer = fresh.post([fresh.record(_product_id=..., _project_ids=["nowhere"])])
    body = assert_error(answer, 400, "ALL_RECORDS_REJECTED")
    assert {error["code"] for error in body["details"]["errors"]} == {"VALIDATION_ERROR"}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_a_method_that_a_path_does_not_know_is_not_allowed(api: ApiClient, method: str) -> None:
    answer = api.http.request(method, "/api/v1/ingest")
    assert_error(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/ingest/batches",
        "/api/v1/ingest/batches/x",
        "/api/v1/records",
        "/api/v1/records/x",
        "/api/v1/search",
        "/api/v1/products",
        "/api/v1/projects",
        "/healthz",
        "/readyz",
    ],
)
def test_what_can_only_be_read_takes_no_other_method(api: ApiClient, path: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        answer = api.http.request(method, path)
        assert_error(answer, 405, "METHOD_NOT_ALLOWED")
        assert answer.headers["allow"] == "GET"
    assert api.http.head(path).status_code == 405
