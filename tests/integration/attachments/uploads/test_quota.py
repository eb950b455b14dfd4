"""Uploads over HTTP beyond what a workspace may have before records refer to them."""

from collections.abc import Generator

import pytest

from tests.support.api_workspaces import ApiWorkspaces, assert_error, running_api
from tests.support.server import NO_RATE_LIMIT, ApiClient
from tests.support.uploads import announce, complete_upload, record_with_uploads

_QUOTA = {"EVERLAKE_UPLOAD_UNUSED_BYTES": "100", "EVERLAKE_UPLOAD_UNUSED_COUNT": "3"}


@pytest.fixture(scope="module")
def bounded_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[ApiWorkspaces]:
    data = tmp_path_factory.mktemp("quota")
    with running_api("api", data, {**NO_RATE_LIMIT, **_QUOTA}) as home:
        yield home


@pytest.fixture
def bounded(bounded_home: ApiWorkspaces) -> ApiClient:
    """Workspace of the test's own."""
    return bounded_home.workspace()


def test_uploads_beyond_the_quota_wait_for_records(bounded: ApiClient) -> None:
    upload_id = complete_upload(bounded, b"a" * 60)
    refused = bounded.http.post("/api/v1/uploads", json={"size": 41})
    body = assert_error(refused, 429, "RATE_LIMITED")
    assert "60 bytes" in body["message"]
    assert "EVERLAKE_UPLOAD_UNUSED_BYTES" in body["message"]

    record = record_with_uploads(bounded, upload_id)
    assert bounded.http.post("/api/v1/ingest", json=record).status_code == 202
    announce(bounded, 41)


def test_the_number_of_uploads_is_bounded_too(bounded: ApiClient) -> None:
    for _ in range(3):
        announce(bounded, 0)
    refused = bounded.http.post("/api/v1/uploads", json={"size": 0})
    assert "3 uploads" in assert_error(refused, 429, "RATE_LIMITED")["message"]


def test_an_upload_that_no_wait_would_admit_is_too_large(bounded: ApiClient) -> None:
    refused = bounded.http.post("/api/v1/uploads", json={"size": 101})
    assert "100 bytes" in assert_error(refused, 413, "PAYLOAD_TOO_LARGE")["message"]
    announce(bounded, 100)
