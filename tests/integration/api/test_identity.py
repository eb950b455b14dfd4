"""Contract, Normalisation and Identity: what is kept, and which record is the same record."""

from typing import Any

import pytest

from tests.support.api_workspaces import ApiWorkspaces, records_of
from tests.support.server import ApiClient


def kept(api: ApiClient, record: dict[str, Any]) -> dict[str, Any]:
    (found,) = records_of(api, api.accept(record))
    return found


def all_records(api: ApiClient) -> list[dict[str, Any]]:
    return api.http.get("/api/v1/records", params={"limit": 100}).json()["records"]


def test_the_type_is_kept_as_compared(fresh: ApiClient) -> None:
    batch_id = fresh.accept(fresh.record(_type=" Email_THREAD\n"))
    (found,) = records_of(fresh, batch_id)
    assert found["_type"] == "email_thread"
    assert fresh.batch(batch_id)["type"] == "email_thread"


@pytest.mark.parametrize("fraction", ["", ".0", ".5", ".99", ".999"])
def test_the_event_time_is_cut_and_not_rounded(fresh: ApiClient, fraction: str) -> None:
    found = kept(fresh, fresh.record(_event_at=f"2026-12-31T23:59:59{fraction}Z"))
    assert found["_event_at"] == "2026-12-31T23:59:59Z"


def test_both_spellings_of_the_projects_form_one_list_without_repeats(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    first, second = fresh.setup["project_id"], home.project(fresh)
    for given, wanted in [
        ({"_project_ids": [first, second, first]}, [first, second]),
        ({"_project_ids": [first], "_project_id": second}, [first, second]),
        ({"_project_ids": [first], "_project_id": first}, [first]),
        ({"_project_ids": ..., "_project_id": second}, [second]),
    ]:
        found = kept(fresh, fresh.record(**given))
        assert found["_project_ids"] == wanted
        assert "_project_id" not in found


def test_an_optional_member_is_kept_as_it_came_and_one_left_out_stays_out(fresh: ApiClient) -> None:
    full = fresh.record(
        _nature="guidance",
        _thread_id="t é😀",
        _participants=[
            {"id": "p", "role": "external", "name": "Ana", "email": "a@b.c", "type": "contact"}
        ],
        _attachments=[{"type": "file", "filename": "a", "size": 10**20, "sha1": "x"}],
        _tags=["b", "a", "b"],
        _pii={
            "contains_email": True,
            "sensitive_score": 0.25,
            "detected_entities": [{"type": "name", "value": "Ana", "confidence": 1}],
            "redaction_status": "redacted",
        },
    )
    found = kept(fresh, full)
    assert {name: value for name, value in found.items() if name in full} == full
    bare = kept(fresh, fresh.record())
    assert {name for name in bare if name.startswith("_")} == {
        "_type",
        "_schema_version",
        "_event_at",
        "_vendor_ids",
        "_product_id",
        "_project_ids",
    }


SAME: list[dict[str, Any]] = [
    {"_type": " MESSAGE "},
    {"_event_at": "2026-03-01T10:00:00.999Z"},
    {"_vendor_ids": {"b": "2", "a": "1"}},
    {"data": {"text": "other"}},
    {"_tags": ["x"]},
]
OTHER: list[dict[str, Any]] = [
    {"_event_at": "2026-03-01T10:00:01Z"},
    {"_vendor_ids": {"a": "1"}},
    {"_vendor_ids": {"a": "1", "b": "3"}},
    {"_vendor_ids": {"a": "2", "b": "1"}},
    {"_vendor_ids": {"a": "1", "b": "2", "c": ""}},
    {"_vendor_ids": {"a": "1", "B": "2"}},
]
IDS = {"a": "1", "b": "2"}


@pytest.mark.parametrize("changes", SAME, ids=str)
def test_a_record_with_the_same_identity_replaces_the_whole_earlier_one(
    fresh: ApiClient, changes: dict[str, Any]
) -> None:
    first = kept(fresh, fresh.record(_vendor_ids=IDS, _thread_id="t", _nature="context"))
    later = kept(fresh, fresh.record(**{"_vendor_ids": IDS, "data": {"n": 2}, **changes}))
    assert later["recordId"] == first["recordId"]
    assert later["version"] > first["version"]
    assert all_records(fresh) == [later]
    assert "_thread_id" not in later
    assert "_nature" not in later


@pytest.mark.parametrize("changes", OTHER, ids=str)
def test_a_record_with_another_identity_stands_beside_the_first(
    fresh: ApiClient, changes: dict[str, Any]
) -> None:
    first = kept(fresh, fresh.record(_vendor_ids=IDS))
    other = kept(fresh, fresh.record(**{"_vendor_ids": IDS, **changes}))
    assert other["recordId"] != first["recordId"]
    assert len(all_records(fresh)) == 2


def test_the_type_is_part_of_the_identity(fresh: ApiClient) -> None:
    ids = {kept(fresh, fresh.record(_type=name))["recordId"] for name in ("email", "call")}
    assert len(ids) == 2


def test_the_same_record_in_two_workspaces_is_two_records(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    other = home.workspace()
    kept(fresh, fresh.record(data={"whose": "mine"}))
    kept(other, other.record(data={"whose": "theirs"}))
    assert [record["data"] for record in all_records(fresh)] == [{"whose": "mine"}]
    assert [record["data"] for record in all_records(other)] == [{"whose": "theirs"}]


def test_within_a_batch_the_last_one_wins_and_both_count_as_accepted(fresh: ApiClient) -> None:
    versions = [fresh.record(data={"n": number}) for number in range(5)]
    answer = fresh.post([*versions, {}])
    assert answer.json()["acceptedCount"] == 5
    (found,) = records_of(fresh, answer.json()["batchId"])
    assert found["data"] == {"n": 4}


def test_between_batches_the_last_202_wins_whatever_its_event_says(fresh: ApiClient) -> None:
    batch_ids = [fresh.accept(fresh.record(data={"n": number})) for number in range(10)]
    fresh.wait_until_complete(*batch_ids)
    (found,) = all_records(fresh)
    assert found["data"] == {"n": 9}
    assert found["batchId"] == batch_ids[-1]
    detail = fresh.http.get(f"/api/v1/records/{found['recordId']}").json()
    assert detail["batchIds"] == batch_ids
    assert {fresh.batch(batch_id)["acceptedCount"] for batch_id in batch_ids} == {1}
