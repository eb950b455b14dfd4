"""Contract, Record errors, Answer, and dry runs."""

import base64
import json
from typing import Any

import pytest
import zstandard

from tests.support.api_workspaces import ApiWorkspaces, as_ndjson, assert_error, messages, ndjson
from tests.support.server import ApiClient


def test_an_answer_has_no_errors_member_when_there_are_none(api: ApiClient) -> None:
    answer = api.post(api.record())
    assert set(answer.json()) == {"batchId", "acceptedCount", "rejectedCount", "totalErrorCount"}
    assert answer.json()["totalErrorCount"] == 0


def test_the_others_are_accepted_when_one_is_refused(api: ApiClient) -> None:
    body = api.post([api.record(), api.record(_nature="x"), api.record()]).json()
    assert set(body) == {
        "batchId",
        "acceptedCount",
        "rejectedCount",
        "totalErrorCount",
        "errors",
    }
    assert (body["acceptedCount"], body["rejectedCount"], body["totalErrorCount"]) == (2, 1, 1)
    (error,) = body["errors"]
    assert set(error) == {"index", "code", "message"}
    assert (error["index"], error["code"]) == (1, "VALIDATION_ERROR")


def test_a_message_names_the_place_and_the_rule(api: ApiClient) -> None:
    people = [{"id": "p", "role": "unknown"}] * 3 + [{"id": "p", "role": "customer"}]
    answer = api.post([api.record(), api.record(_participants=people)])
    assert messages(answer) == ["_participants[3].role: must be internal, external or unknown"]


def test_all_errors_of_a_record_are_found(api: ApiClient) -> None:
    bad = api.record(
        _schema_version="2",
        _event_at="yesterday",
        _vendor_ids={},
        _project_ids=["nowhere"],
        data=[],
        _nature="x",
        _participants=[{"id": 1}, {"role": "x", "email": "x", "extra": 1}],
        _attachments=[{"size": -1}],
        _tags=[1, "x" * 65],
        _pii={"contains_email": 1, "sensitive_score": 2},
        surplus=1,
    )
    answer = api.post([bad, api.record()])
    body = answer.json()
    assert (body["rejectedCount"], body["totalErrorCount"]) == (1, 19)
    assert sorted(message.split(":")[0] for message in messages(answer)) == [
        "_attachments[0].size",
        "_attachments[0].type",
        "_event_at",
        "_nature",
        "_participants[0].id",
        "_participants[0].role",
        "_participants[1].email",
        "_participants[1].extra",
        "_participants[1].id",
        "_participants[1].role",
        "_pii.contains_email",
        "_pii.sensitive_score",
        "_project_ids[0]",
        "_schema_version",
        "_tags[0]",
        "_tags[1]",
        "_vendor_ids",
        "data",
        "surplus",
    ]


def test_at_most_twenty_errors_are_shown_and_all_are_counted(api: ApiClient) -> None:
    answer = api.post([api.record(), *[api.record(_tags=[1, 2, 3])] * 10])
    body = answer.json()
    assert len(body["errors"]) == 20
    assert body["totalErrorCount"] == 30
    assert body["rejectedCount"] == 10
    assert [error["index"] for error in body["errors"]] == [
        number for number in range(1, 8) for _ in range(3)
    ][:20]


def test_errors_come_by_index(api: ApiClient) -> None:
    body = as_ndjson(
        api,
        ndjson(
            api.record(_project_ids=["nowhere"]),
            b"{",
            api.record(_tags=1),
            api.record(),
            api.record(_attachments=[{"type": "file"}] * 11),
        ),
    ).json()
    assert [(error["index"], error["code"]) for error in body["errors"]] == [
        (0, "UNKNOWN_PROJECT"),
        (1, "INVALID_JSON"),
        (2, "VALIDATION_ERROR"),
        (4, "TOO_MANY_ATTACHMENTS"),
    ]


def test_every_project_must_belong_to_the_product(home: ApiWorkspaces, fresh: ApiClient) -> None:
    second = home.project(fresh)
    elsewhere = home.project(fresh, home.product(fresh))
    mine = fresh.setup["project_id"]
    answer = fresh.post(
        [
            fresh.record(_project_ids=[mine, second]),
            fresh.record(_project_ids=[mine, elsewhere]),
            fresh.record(_project_id=elsewhere),
            fresh.record(_project_ids=..., _project_id="nowhere"),
        ]
    )
    body = answer.json()
    assert (body["acceptedCount"], body["rejectedCount"]) == (1, 3)
    assert [(error["index"], error["code"]) for error in body["errors"]] == [
        (1, "UNKNOWN_PROJECT"),
        (2, "UNKNOWN_PROJECT"),
        (3, "UNKNOWN_PROJECT"),
    ]
    assert elsewhere in body["errors"][0]["message"]
    assert body["errors"][0]["message"].startswith("_project_ids[1]")


def test_a_project_that_was_just_made_is_known(home: ApiWorkspaces, fresh: ApiClient) -> None:
    fresh.accept(fresh.record())
    made = home.project(fresh)
    fresh.accept(fresh.record(_project_ids=[made]))


def test_a_batch_without_an_accepted_record_is_refused_and_kept_as_failed(fresh: ApiClient) -> None:
    body = assert_error(fresh.post([{}, fresh.record(_tags=1)]), 400, "ALL_RECORDS_REJECTED")
    details = body["details"]
    assert set(details) == {"batchId", "rejectedCount", "totalErrorCount", "errors"}
    assert (details["rejectedCount"], details["totalErrorCount"]) == (2, 8)
    batch = fresh.batch(details["batchId"])
    assert batch["status"] == "FAILED"
    assert batch["acceptedCount"] == 0
    assert batch["errors"] == details["errors"]


def test_refused_records_keep_their_payload_and_all_their_errors(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    odd = b'{ "_type":"message",\t"a":"\\u00e9", "a":1e99 }'
    tags = json.dumps(fresh.record(_tags=list(range(30)))).encode()
    torn = b"not json \xff"
    answer = as_ndjson(fresh, ndjson(odd, tags, torn, fresh.record()))
    batch_id = answer.json()["batchId"]
    lines = kept_refusals(home, batch_id)
    assert [line["index"] for line in lines] == [0, 1, 2]
    assert sum(len(line["errors"]) for line in lines) == answer.json()["totalErrorCount"]
    assert len(lines[1]["errors"]) == 30
    assert [line["payload"].encode() for line in lines[:2]] == [odd, tags]
    assert base64.b64decode(lines[2]["payload_base64"]) == torn


def test_up_to_a_thousand_errors_of_a_record_are_kept(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    counts = [1, 999, 1_000, 1_001, 2_000, 2_001]
    listed = [min(count, 1_000) for count in counts]
    bad = [fresh.record(_vendor_ids={str(n): n for n in range(count)}) for count in counts]
    details = assert_error(fresh.post(bad), 400, "ALL_RECORDS_REJECTED")["details"]
    lines = kept_refusals(home, details["batchId"])
    assert details["totalErrorCount"] == sum(listed)
    assert [len(line["errors"]) for line in lines] == listed
    assert [json.loads(line["payload"]) for line in lines] == bad
    for line, count in zip(lines, counts, strict=True):
        places = [error["message"].split(":")[0] for error in line["errors"]]
        if count > 1_000:
            assert places.pop() == "record"
            assert (
                line["errors"][-1]["message"] == "record: has more errors; the first 999 are listed"
            )
        assert places == [f"_vendor_ids.{number}" for number in range(len(places))]


def kept_refusals(home: ApiWorkspaces, batch_id: str) -> list[dict[str, Any]]:
    """Return the rejected records of a batch from the archive."""
    (path,) = home.server.data.rglob(f"{batch_id}.rejected.ndjson.zst")
    kept = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    return [json.loads(line) for line in kept.splitlines()]


JUDGED: list[list[Any]] = [
    [{}],
    [{"_type": "message"}, 1],
    ["right"],
    ["right", {}, "right", "right but for tags"],
]


@pytest.mark.parametrize("records", JUDGED)
def test_a_dry_run_gives_the_same_counts_and_errors_and_stores_nothing(
    fresh: ApiClient, records: list[Any]
) -> None:
    known = {"right": fresh.record(), "right but for tags": fresh.record(_tags=[1, 2])}
    body = [known.get(item, item) if isinstance(item, str) else item for item in records]
    dry = fresh.post(body, params={"dry_run": "true"})
    assert dry.status_code == 200, dry.text
    assert fresh.http.get("/api/v1/ingest/batches").json()["batches"] == []
    real = fresh.post(body)
    told = real.json() if real.status_code == 202 else real.json()["details"]
    told.pop("batchId")
    assert dry.json() == {"acceptedCount": 0, **told}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "INVALID_JSON"),
        (b"1", "INVALID_BODY"),
        (b"[]", "EMPTY_BATCH"),
        (
            b'[{"_type":"email","_product_id":"x"},{"_type":"call","_product_id":"x"}]',
            "MIXED_BATCH",
        ),
        (b'{"_type":"email","_product_id":"nowhere"}', "UNKNOWN_PRODUCT"),
    ],
)
def test_a_dry_run_refuses_what_a_real_one_refuses_as_a_whole(
    fresh: ApiClient, body: bytes, code: str
) -> None:
    assert_error(fresh.post(body, params={"dry_run": "true"}), 400, code)
    assert_error(fresh.post(body), 400, code)
    assert fresh.http.get("/api/v1/ingest/batches").json()["batches"] == []
