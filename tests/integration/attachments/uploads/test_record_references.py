"""References of records to uploads, and their validation."""

import pytest

from everlake.attachments.paths import part_path
from everlake.attachments.uploads import garbage_collection
from tests.support.api_workspaces import assert_error, ndjson
from tests.support.server import ApiClient
from tests.support.uploads import (
    UploadFixture,
    announce,
    complete_upload,
    expire,
    record_with_uploads,
    row_of,
)


def error_codes(api: ApiClient, *upload_ids: str, dry_run: bool = False) -> list[tuple[str, str]]:
    """Return code and path of each error of a record that references these uploads."""
    params = {"dry_run": "true"} if dry_run else None
    body = api.post(record_with_uploads(api, *upload_ids), params=params).json()
    errors = body.get("errors") or body.get("details", {}).get("errors", [])
    return [(error["code"], error["message"].split(":")[0]) for error in errors]


def used_at(place: UploadFixture, upload_id: str) -> int | None:
    row = row_of(place.home, upload_id)
    assert row is not None
    return row["used_at"]


def test_a_complete_upload_can_be_referenced_and_no_longer_expires(
    place: UploadFixture, api: ApiClient
) -> None:
    upload_id = complete_upload(api, b"hello")
    batch_id = api.accept(record_with_uploads(api, upload_id))
    assert api.batch(batch_id)["attachmentDownloadTotal"] == 1
    assert used_at(place, upload_id) is not None

    expire(place.home, upload_id, by_ms=10 * garbage_collection.EXPIRY_GRACE_MS)
    garbage_collection.delete_expired(place.home.catalog, place.store)
    api.accept(record_with_uploads(api, upload_id))
    assert api.http.get(f"/api/v1/uploads/{upload_id}").json()["status"] == "COMPLETE"


def test_an_upload_can_be_referenced_several_times(place: UploadFixture, api: ApiClient) -> None:
    upload_id = complete_upload(api, b"hello")
    records = [
        record_with_uploads(api, upload_id, upload_id, _vendor_ids={"id": str(n)}) for n in range(3)
    ]
    assert api.post(records).json()["acceptedCount"] == 3
    assert (
        api.post(ndjson(*records), headers={"content-type": "application/x-ndjson"}).json()[
            "acceptedCount"
        ]
        == 3
    )


@pytest.mark.parametrize("name", ["", "x", "upl_" + "x" * 32, "../../etc", "a\0b", "é", "x" * 256])
def test_a_missing_upload_is_unknown(place: UploadFixture, api: ApiClient, name: str) -> None:
    assert error_codes(api, name) == [("UNKNOWN_UPLOAD", "_attachments[0].upload_intent_id")]


def test_an_upload_of_another_workspace_is_unknown(place: UploadFixture, api: ApiClient) -> None:
    foreign = complete_upload(place.home.workspace(), b"secret")
    answers = [
        api.post(record_with_uploads(api, name)).json()["details"]["errors"]
        for name in (foreign, "upl_" + "x" * 32)
    ]
    assert answers[0] == answers[1]
    assert used_at(place, foreign) is None


def test_an_incomplete_upload_cannot_be_referenced(place: UploadFixture, api: ApiClient) -> None:
    upload = announce(api, 5)
    upload_id = upload["upload_intent_id"]
    assert error_codes(api, upload_id) == [
        ("UPLOAD_INCOMPLETE", "_attachments[0].upload_intent_id")
    ]
    assert used_at(place, upload_id) is None


def test_an_expired_upload_cannot_be_referenced(place: UploadFixture, api: ApiClient) -> None:
    upload_id = complete_upload(api, b"hello")
    expire(place.home, upload_id)
    assert error_codes(api, upload_id) == [("UPLOAD_EXPIRED", "_attachments[0].upload_intent_id")]


def test_every_invalid_reference_is_reported_with_its_path(
    place: UploadFixture, api: ApiClient
) -> None:
    good, late = complete_upload(api, b"good"), complete_upload(api, b"late")
    unfinished = announce(api, 5)["upload_intent_id"]
    expire(place.home, late)
    assert error_codes(api, "nothing", good, late, unfinished) == [
        ("UNKNOWN_UPLOAD", "_attachments[0].upload_intent_id"),
        ("UPLOAD_EXPIRED", "_attachments[2].upload_intent_id"),
        ("UPLOAD_INCOMPLETE", "_attachments[3].upload_intent_id"),
    ]
    assert used_at(place, good) is None


def test_the_other_records_of_a_batch_are_accepted(place: UploadFixture, api: ApiClient) -> None:
    good = complete_upload(api, b"good")
    records = [
        record_with_uploads(api, good, _vendor_ids={"id": "1"}),
        record_with_uploads(api, "nothing", _vendor_ids={"id": "2"}),
        api.record(_vendor_ids={"id": "3"}),
    ]
    body = api.post(records).json()
    assert (body["acceptedCount"], body["rejectedCount"]) == (2, 1)
    assert [(error["index"], error["code"]) for error in body["errors"]] == [(1, "UNKNOWN_UPLOAD")]
    assert used_at(place, good) is not None
    kept = api.http.get(f"/api/v1/ingest/batches/{body['batchId']}/errors").json()["errors"]
    assert kept[0]["errors"][0]["code"] == "UNKNOWN_UPLOAD"


def test_a_dry_run_checks_references_and_marks_no_upload_as_used(
    place: UploadFixture, api: ApiClient
) -> None:
    good = complete_upload(api, b"good")
    assert error_codes(api, good, dry_run=True) == []
    assert error_codes(api, "nothing", dry_run=True) == [
        ("UNKNOWN_UPLOAD", "_attachments[0].upload_intent_id")
    ]
    assert used_at(place, good) is None


def test_an_upload_to_the_bucket_is_complete_before_its_status_is_requested(
    place: UploadFixture, api: ApiClient
) -> None:
    upload = announce(api, 5)
    upload_id = upload["upload_intent_id"]
    place.store.put_many([(part_path(api.setup["workspace_id"], upload_id, 1), b"hello")])
    api.accept(record_with_uploads(api, upload_id))
    row = row_of(place.home, upload_id)
    assert row is not None
    assert row["completed_at"] is not None


def test_metrics_count_rejected_references_by_code(place: UploadFixture, api: ApiClient) -> None:
    assert_error(api.post(record_with_uploads(api, "nothing")), 400, "ALL_RECORDS_REJECTED")
    assert 'code="UNKNOWN_UPLOAD"' in api.http.get("/metrics").text
