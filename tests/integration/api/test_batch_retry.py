"""POST /api/v1/ingest/batches/{batchId}/retry."""

import json
import time
from pathlib import Path

import httpx
import pytest

from everlake.catalog import batches
from everlake.contract.batches import BatchStatus
from tests.support.api_workspaces import ApiWorkspaces, assert_error, running_api
from tests.support.batch_transitions import advance_batch, fail_batch
from tests.support.server import NO_RATE_LIMIT, ApiClient, running_server


def retry(api: ApiClient, batch_id: str) -> httpx.Response:
    return api.http.post(f"/api/v1/ingest/batches/{batch_id}/retry")


def test_a_failed_batch_goes_back_to_where_it_was(still: ApiWorkspaces) -> None:
    landing, landed = still.workspace(), still.workspace()
    first, second = landing.accept(landing.record()), landed.accept(landed.record())
    advance_batch(still.catalog, landed, BatchStatus.LANDED)
    fail_batch(still.catalog, landing)
    fail_batch(still.catalog, landed, BatchStatus.LANDED)
    assert landing.batch(first)["status"] == landed.batch(second)["status"] == "FAILED"

    for api, batch_id, status in ((landing, first, "LANDING"), (landed, second, "LANDED")):
        answer = retry(api, batch_id)
        assert answer.status_code == 200, answer.text
        assert answer.json() == api.batch(batch_id)
        assert answer.json()["status"] == status


def test_a_retried_batch_is_worked_on_once_what_was_wrong_is_mended(tmp_path: Path) -> None:
    with running_api("api", tmp_path, NO_RATE_LIMIT) as home:
        api = home.workspace()
        batch_id = api.accept(api.record())
        with home.catalog.snapshot() as tx:
            row = batches.get(tx, api.setup["workspace_id"], batch_id)
        assert row is not None
        assert row.landing_path is not None
        file = tmp_path / row.landing_path
        away = file.rename(tmp_path / "away")
        with running_server("worker", tmp_path):
            deadline = time.monotonic() + 60
            while api.batch(batch_id)["status"] != "FAILED":
                assert time.monotonic() < deadline
                time.sleep(0.02)
            away.rename(file)
            assert retry(api, batch_id).status_code == 200
            api.wait_until_complete(batch_id)


def test_a_request_made_again_changes_nothing_and_gets_the_batch(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    fail_batch(still.catalog, api)
    answers = [retry(api, batch_id) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert answers[0].content == answers[1].content == answers[2].content


@pytest.mark.parametrize("steps", [(), ("LANDED",), ("LANDED", "PROCESSING")])
def test_a_batch_that_has_not_failed_is_left_as_it_is(
    still: ApiWorkspaces, steps: tuple[str, ...]
) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    advance_batch(still.catalog, api, *map(BatchStatus, steps))
    before = api.batch(batch_id)
    answer = retry(api, batch_id)
    assert answer.status_code == 200
    assert answer.json() == before == api.batch(batch_id)


def test_a_complete_batch_stays_complete(fresh: ApiClient) -> None:
    batch_id = fresh.accept(fresh.record())
    fresh.wait_until_complete(batch_id)
    assert retry(fresh, batch_id).json()["status"] == "COMPLETE"


def test_a_batch_of_which_all_was_refused_has_nothing_to_retry(fresh: ApiClient) -> None:
    answer = fresh.post([fresh.record(data=1), {}])
    details = assert_error(answer, 400, "ALL_RECORDS_REJECTED")["details"]
    again = assert_error(retry(fresh, details["batchId"]), 400, "ALL_RECORDS_REJECTED")
    assert again["details"] == details
    assert fresh.batch(details["batchId"])["status"] == "FAILED"


def test_a_body_is_not_looked_at(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    fail_batch(still.catalog, api)
    answer = api.http.post(
        f"/api/v1/ingest/batches/{batch_id}/retry", content=json.dumps({"any": "thing"})
    )
    assert answer.json()["status"] == "LANDING"


def test_reading_is_not_enough_and_writing_is(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    fail_batch(still.catalog, api)
    assert_error(retry(still.key(api, ["api:read"]), batch_id), 403, "FORBIDDEN")
    assert api.batch(batch_id)["status"] == "FAILED"
    assert retry(still.key(api, ["api:write"]), batch_id).json()["status"] == "LANDING"


def test_another_workspaces_batch_is_not_found_and_stays_as_it_is(still: ApiWorkspaces) -> None:
    theirs, ours = still.workspace(), still.workspace()
    batch_id = theirs.accept(theirs.record())
    fail_batch(still.catalog, theirs)
    assert_error(retry(ours, batch_id), 404, "NOT_FOUND")
    assert_error(retry(ours, "unknown"), 404, "NOT_FOUND")
    assert theirs.batch(batch_id)["status"] == "FAILED"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_no_other_method_is_known(fresh: ApiClient, method: str) -> None:
    answer = fresh.http.request(method, "/api/v1/ingest/batches/x/retry")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
