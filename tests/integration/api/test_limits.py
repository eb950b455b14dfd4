"""Contract, Limits: the defaults. Other values, and the rate, have servers of their own."""

import json
from typing import Any

import httpx
import pytest

from tests.support.api_workspaces import as_ndjson, assert_error, messages, ndjson
from tests.support.server import ApiClient


def many(api: ApiClient, count: int, **changes: Any) -> list[dict[str, Any]]:
    return [api.record(_vendor_ids={"id": str(number)}, **changes) for number in range(count)]


def post_as(api: ApiClient, form: str, records: list[Any]) -> httpx.Response:
    if form == "ndjson":
        return as_ndjson(api, ndjson(*records))
    return api.post(records if form == "array" else {"records": records})


@pytest.mark.parametrize("form", ["array", "wrapper", "ndjson"])
def test_a_thousand_records_are_accepted_and_one_more_is_too_many(
    api: ApiClient, form: str
) -> None:
    records = many(api, 1_001)
    answer = post_as(api, form, records[:1_000])
    assert answer.json()["acceptedCount"] == 1_000
    body = assert_error(post_as(api, form, records), 400, "TOO_MANY_RECORDS")
    assert "1,000" in body["message"]


@pytest.mark.parametrize("form", ["array", "wrapper", "ndjson"])
def test_too_many_records_are_too_many_however_bad_they_are(api: ApiClient, form: str) -> None:
    assert_error(post_as(api, form, [1] * 1_001), 400, "TOO_MANY_RECORDS")


def test_a_record_has_at_most_ten_attachments(api: ApiClient) -> None:
    attachment = {"type": "file"}
    answer = api.post([api.record(_attachments=[attachment] * count) for count in (10, 11, 12)])
    body = answer.json()
    assert (body["acceptedCount"], body["rejectedCount"]) == (1, 2)
    assert [(e["index"], e["code"]) for e in body["errors"]] == [
        (1, "TOO_MANY_ATTACHMENTS"),
        (2, "TOO_MANY_ATTACHMENTS"),
    ]
    assert "10" in messages(answer)[0]


def test_a_batch_has_at_most_a_thousand_attachments(fresh: ApiClient) -> None:
    full = many(fresh, 100, _attachments=[{"type": "file"}] * 10)
    answer = fresh.post([*full, fresh.record(_attachments=[{"type": "file"}]), fresh.record()])
    body = answer.json()
    assert (body["acceptedCount"], body["rejectedCount"]) == (101, 1)
    assert [(e["index"], e["code"]) for e in body["errors"]] == [(100, "TOO_MANY_ATTACHMENTS")]
    assert fresh.batch(body["batchId"])["attachmentDownloadTotal"] == 1_000


def test_five_thousand_participants_and_two_hundred_tags_fit(api: ApiClient) -> None:
    people = [{"id": str(number), "role": "unknown"} for number in range(5_001)]
    api.accept(api.record(_participants=people[:5_000], _tags=["t"] * 200))
    answer = api.post(api.record(_participants=people, _tags=["t"] * 201))
    assert_error(answer, 400, "ALL_RECORDS_REJECTED")
    assert {message.split(":")[0] for message in messages(answer)} == {"_participants", "_tags"}


def test_a_whole_batch_of_refused_records_is_answered(api: ApiClient) -> None:
    body = assert_error(api.post([{}] * 1_000), 400, "ALL_RECORDS_REJECTED")
    assert body["details"]["rejectedCount"] == 1_000
    assert body["details"]["totalErrorCount"] == 7_000
    assert len(body["details"]["errors"]) == 20
    assert len(json.dumps(body)) < 10_000
