"""Quotas of a workspace over HTTP. What counts is measured every few seconds."""

import time
from collections.abc import Callable, Generator
from typing import Any

import httpx
import pytest

from tests.support.api_workspaces import ApiWorkspaces, assert_error, running_api
from tests.support.server import NO_RATE_LIMIT, ApiClient

_QUOTAS = {"EVERLAKE_QUOTA_BYTES": "200000", "EVERLAKE_QUOTA_RECORDS_PER_DAY": "100"}


@pytest.fixture(scope="module")
def bounded_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[ApiWorkspaces]:
    data = tmp_path_factory.mktemp("quotas")
    with running_api("api", data, {**NO_RATE_LIMIT, **_QUOTAS}) as home:
        yield home


def refusal(send: Callable[[], httpx.Response]) -> httpx.Response:
    """Send until a request is refused, and return the response."""
    deadline = time.monotonic() + 60
    while (response := send()).is_success:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return response


def message_of(refused: httpx.Response) -> str:
    body: dict[str, Any] = assert_error(refused, 429, "RATE_LIMITED")
    assert 1 <= body["retryAfter"] <= 3_600
    assert int(refused.headers["retry-after"]) >= 1
    return body["message"]


def test_a_workspace_at_its_bytes_gets_a_429_for_records_and_uploads(
    bounded_home: ApiWorkspaces,
) -> None:
    full, other = bounded_home.workspace(), bounded_home.workspace()
    first = full.post(full.record(), headers={"idempotency-key": "first"})
    full.accept(full.record(data={"text": "x" * 200_000}))
    refused = refusal(lambda: full.http.post("/api/v1/uploads", json={"size": 1}))
    assert "EVERLAKE_QUOTA_BYTES" in message_of(refused)
    assert "EVERLAKE_QUOTA_BYTES" in message_of(full.post(full.record()))

    assert full.post(full.record(), params={"dry_run": "true"}).status_code == 200
    replayed = full.post(full.record(), headers={"idempotency-key": "first"})
    assert replayed.json() == first.json()
    other.accept(other.record())
    # It is not at the limit, and would be beyond it with this.
    large = other.http.post("/api/v1/uploads", json={"size": 200_001})
    assert "EVERLAKE_QUOTA_BYTES" in message_of(large)


def test_a_workspace_at_its_records_of_the_day_gets_a_429(bounded_home: ApiWorkspaces) -> None:
    api: ApiClient = bounded_home.workspace()
    records = [api.record(_vendor_ids={"id": str(number)}, data={}) for number in range(100)]
    api.accept(records)
    assert "EVERLAKE_QUOTA_RECORDS_PER_DAY" in message_of(
        refusal(lambda: api.post(api.record(data={})))
    )
    assert api.http.post("/api/v1/uploads", json={"size": 1}).status_code == 201
