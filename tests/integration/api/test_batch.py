"""Contract, A batch: its members, its statuses, and what each promises."""

import time
from typing import Any

import pytest

from everlake.catalog import batches
from tests.support.api_workspaces import ApiWorkspaces, assert_error
from tests.support.server import ApiClient

ALWAYS = {
    "batchId",
    "status",
    "createdAt",
    "acceptedCount",
    "rejectedCount",
    "totalErrorCount",
}
DOWNLOADS = {
    "attachmentDownloadTotal",
    "attachmentDownloadComplete",
    "attachmentDownloadFailed",
    "attachmentDownloadStatus",
}
ORDER = ["LANDING", "LANDED", "PROCESSING", "COMPLETE"]


def failed(api: ApiClient, body: Any) -> dict[str, Any]:
    details = assert_error(api.post(body), 400, "ALL_RECORDS_REJECTED")["details"]
    return api.batch(details["batchId"])


def test_a_batch_without_errors_and_attachments_has_no_members_for_them(fresh: ApiClient) -> None:
    before = time.time_ns() // 1_000_000
    batch_id = fresh.accept([fresh.record(), fresh.record()])
    after = time.time_ns() // 1_000_000
    batch = fresh.batch(batch_id)
    assert set(batch) == ALWAYS | {"source", "type"}
    assert batch["batchId"] == batch_id
    assert len(batch_id) <= 128
    assert isinstance(batch["createdAt"], int)
    assert before <= batch["createdAt"] <= after
    assert (batch["acceptedCount"], batch["rejectedCount"]) == (2, 0)
    assert batch["totalErrorCount"] == 0
    assert (batch["source"], batch["type"]) == ("api", "message")


def test_a_batch_shows_its_first_twenty_errors(fresh: ApiClient) -> None:
    receipt = fresh.post([*[fresh.record(_tags=[1] * 15)] * 3, fresh.record()]).json()
    batch = fresh.batch(receipt["batchId"])
    assert set(batch) == ALWAYS | {"source", "type", "errors"}
    assert batch["errors"] == receipt["errors"]
    assert len(batch["errors"]) == 20
    assert (batch["rejectedCount"], batch["totalErrorCount"]) == (3, 45)


@pytest.mark.parametrize("body", [{}, {"_type": 1}, {"_type": "nonsense"}, [1]], ids=str)
def test_a_batch_without_a_known_type_has_no_type(fresh: ApiClient, body: Any) -> None:
    batch = failed(fresh, body)
    assert set(batch) == ALWAYS | {"source", "errors"}
    assert batch["status"] == "FAILED"


def test_a_failed_batch_says_why(fresh: ApiClient) -> None:
    batch = failed(fresh, [fresh.record(data=1)])
    assert batch["status"] == "FAILED"
    assert [error["message"] for error in batch["errors"]] == ["data: must be an object"]
    assert batch["type"] == "message"


def test_a_batch_with_attachments_counts_them(fresh: ApiClient) -> None:
    files = [{"type": "file"}, {"type": "audio", "vendor_url": "https://example.invalid/a"}]
    refused_one = fresh.record(_attachments=[{"type": "file"}], data=1)
    batch_id = fresh.accept(
        [fresh.record(_attachments=files), fresh.record(_attachments=files[:1]), refused_one]
    )
    batch = fresh.batch(batch_id)
    assert set(batch) == ALWAYS | {"source", "type", "errors"} | DOWNLOADS
    assert batch["attachmentDownloadTotal"] == 3
    assert batch["attachmentDownloadComplete"] + batch["attachmentDownloadFailed"] <= 3
    assert batch["attachmentDownloadStatus"] in {
        "PENDING",
        "IN_PROGRESS",
        "COMPLETE",
        "PARTIAL_FAILURE",
        "FAILED",
    }


def test_attachments_do_not_hold_a_batch_back(fresh: ApiClient) -> None:
    file = {"type": "audio", "vendor_url": "https://example.invalid/never-there"}
    batch_id = fresh.accept(fresh.record(_attachments=[file]))
    fresh.wait_until_complete(batch_id)
    assert fresh.batch(batch_id)["attachmentDownloadTotal"] == 1


def test_an_empty_list_of_attachments_is_none(fresh: ApiClient) -> None:
    assert not DOWNLOADS & set(fresh.batch(fresh.accept(fresh.record(_attachments=[]))))


def test_a_batch_in_the_list_is_the_batch_by_itself(fresh: ApiClient) -> None:
    batch_ids = [
        fresh.accept(fresh.record()),
        fresh.accept([fresh.record(_attachments=[{"type": "file"}]), {}]),
    ]
    fresh.wait_until_complete(*batch_ids)
    listed = fresh.http.get("/api/v1/ingest/batches").json()["batches"]
    assert listed == [fresh.batch(batch_id) for batch_id in reversed(batch_ids)]


def test_a_batch_only_moves_forward_until_it_is_complete(fresh: ApiClient) -> None:
    records = [
        fresh.record(_vendor_ids={"id": str(number)}, data={"text": f"hello {number}"})
        for number in range(500)
    ]
    batch_id = fresh.accept(records)
    seen = [fresh.batch(batch_id)["status"]]
    deadline = time.monotonic() + 60
    while seen[-1] != "COMPLETE":
        assert time.monotonic() < deadline
        seen.append(fresh.batch(batch_id)["status"])
    assert seen == sorted(seen, key=ORDER.index)


def test_records_of_a_landed_batch_can_be_queried_and_those_of_a_complete_one_searched(
    fresh: ApiClient,
) -> None:
    for number in range(5):
        word = f"zebra{number}"
        batch_id = fresh.accept(
            fresh.record(_vendor_ids={"id": word}, data={"text": f"the {word} stands still"})
        )
        status, deadline = "LANDING", time.monotonic() + 60
        while status == "LANDING":
            assert time.monotonic() < deadline
            status = fresh.batch(batch_id)["status"]
        found = fresh.http.get("/api/v1/records", params={"batch": batch_id}).json()["records"]
        assert [record["batchId"] for record in found] == [batch_id]
        fresh.wait_until_complete(batch_id)
        results = fresh.http.get("/api/v1/search", params={"q": word}).json()["results"]
        assert [result["batchId"] for result in results] == [batch_id]


@pytest.mark.parametrize(
    "batch_id",
    ["x", "0", "null", "01a1ff7a-f1fe-70e6-876e-0e98031c144d", "x" * 129, "%00", "%ff", "..%2f"],
)
def test_an_unknown_batch_is_not_found(api: ApiClient, batch_id: str) -> None:
    assert_error(api.http.get(f"/api/v1/ingest/batches/{batch_id}"), 404, "NOT_FOUND")


def test_another_workspaces_batch_is_not_found_as_if_it_were_not_there(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    theirs = home.workspace()
    batch_id = theirs.accept(theirs.record())
    answer = fresh.http.get(f"/api/v1/ingest/batches/{batch_id}")
    assert_error(answer, 404, "NOT_FOUND")
    unknown = fresh.http.get("/api/v1/ingest/batches/01a1ff7a-f1fe-70e6-876e-0e98031c144d")
    assert answer.content == unknown.content


@pytest.mark.parametrize("hint", [None, "text", "audio", "video", "file"])
def test_the_format_hint_is_kept_with_the_batch(
    home: ApiWorkspaces, fresh: ApiClient, hint: str | None
) -> None:
    batch_id = fresh.accept(fresh.record(), params={"format": hint} if hint else {})
    with home.catalog.snapshot() as tx:
        row = batches.get(tx, fresh.setup["workspace_id"], batch_id)
    assert row is not None
    assert row.payload_format == hint
