"""Beyond the contract: ``GET /api/v1/records`` and ``GET /api/v1/records/{recordId}``."""

from typing import Any

import pytest

from tests.support.api_workspaces import ApiWorkspaces, assert_error, records_of
from tests.support.server import ApiClient

PATH = "/api/v1/records"


def found(api: ApiClient, **query: Any) -> set[str]:
    """The vendor ids of the records that a query finds, over all pages."""
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = api.http.get(PATH, params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        names += [record["_vendor_ids"]["id"] for record in page["records"]]
        if page["nextCursor"] is None:
            assert len(set(names)) == len(names)
            return set(names)
        cursor = {"cursor": page["nextCursor"]}


def put(api: ApiClient, name: str, **changes: Any) -> str:
    return api.accept(api.record(**{"_vendor_ids": {"id": name}, **changes}))


@pytest.fixture(scope="module")
def shelf(home: ApiWorkspaces) -> tuple[ApiClient, dict[str, str]]:
    """A workspace with records that differ, and the names that its filters need."""
    api = home.workspace()
    slack = home.key(api, source="slack")
    project, product = home.project(api), home.product(api)
    elsewhere = home.project(api, product)
    people = [{"id": "p-1", "role": "external", "email": "Ana@Example.com"}]
    names = {
        "batch": put(api, "batch"),
        "project": project,
        "product": product,
    }
    batch_ids = [
        names["batch"],
        put(api, "type", _type="call"),
        put(slack, "source"),
        put(api, "project", _project_ids=[project]),
        put(api, "product", _product_id=product, _project_ids=[elsewhere]),
        put(api, "nature", _nature="guidance"),
        put(api, "tag", _tags=["a", "b'\" OR 1=1"]),
        put(api, "participant", _participants=people),
        put(api, "thread", _thread_id="t é"),
        put(api, "early", _event_at="2025-01-01T00:00:00Z"),
        put(api, "late", _event_at="2027-01-01T00:00:00Z"),
    ]
    api.wait_until_complete(*batch_ids)
    return api, names


Shelf = tuple[ApiClient, dict[str, str]]


def test_a_record_is_its_envelope_and_what_everlake_knows_beside_it(fresh: ApiClient) -> None:
    sent = fresh.record(_tags=["x"], _participants=[{"id": "p", "role": "internal"}])
    batch_id = fresh.accept(sent)
    (record,) = records_of(fresh, batch_id)
    beside = {name: record.pop(name) for name in set(record) - set(sent)}
    assert record == sent
    assert set(beside) == {"recordId", "version", "batchId", "source", "ingestedAt"}
    assert beside["batchId"] == batch_id
    assert beside["source"] == "api"
    assert beside["ingestedAt"] == fresh.batch(batch_id)["createdAt"]
    detail = fresh.http.get(f"{PATH}/{beside['recordId']}").json()
    assert detail == {**sent, **beside, "batchIds": [batch_id]}


@pytest.mark.parametrize("name", ["batch", "type", "source", "project", "product", "nature"])
def test_a_filter_finds_its_record_alone(shelf: Shelf, name: str) -> None:
    api, names = shelf
    values = {"type": "call", "source": "slack", "nature": "guidance", **names}
    assert found(api, **{name: values[name]}) == {name}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"tag": "a"}, {"tag"}),
        ({"tag": "b'\" OR 1=1"}, {"tag"}),
        ({"participant": "p-1"}, {"participant"}),
        ({"participant": "ana@example.COM"}, {"participant"}),
        ({"thread": "t é"}, {"thread"}),
        ({"until": "2025-01-01T00:00:01Z"}, {"early"}),
        ({"until": "2025-01-01T00:00:00Z"}, set[str]()),
        ({"since": "2027-01-01T00:00:00Z"}, {"late"}),
        ({"since": "2027-01-01T00:00:00.5Z"}, {"late"}),
        ({"since": "2025-01-01T00:00:00Z", "until": "2025-06-01T00:00:00Z"}, {"early"}),
        ({"type": "call", "source": "slack"}, set[str]()),
        ({"tag": "' OR 1=1 --"}, set[str]()),
        ({"thread": "%"}, set[str]()),
        ({"participant": "\0"}, set[str]()),
    ],
    ids=str,
)
def test_filters_find_what_they_say(shelf: Shelf, query: dict[str, str], names: set[str]) -> None:
    api, _ = shelf
    assert found(api, **query) == names


def test_a_record_without_nature_is_evidence(shelf: Shelf) -> None:
    api, _ = shelf
    everything = found(api)
    assert len(everything) == 11
    assert found(api, nature="evidence") == everything - {"nature"}


@pytest.mark.parametrize("limit", [1, 2, 3, 11, 100])
def test_pages_hold_every_record_once(shelf: Shelf, limit: int) -> None:
    api, _ = shelf
    assert len(found(api, limit=limit)) == 11


def test_records_come_newest_arrival_first(shelf: Shelf) -> None:
    api, _ = shelf
    versions = [record["version"] for record in api.http.get(PATH).json()["records"]]
    assert versions == sorted(versions, reverse=True)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"cursor": "x"},
        {"type": "mail"},
        {"nature": "x"},
        {"since": "yesterday"},
        {"since": "2026-03-01T10:00:00+00:00"},
        {"until": "2026-02-30T00:00:00Z"},
        {"tag": ""},
        {"tag": "x" * 65},
        {"source": "x" * 65},
        {"batch": ""},
        {"project": "x" * 129},
        {"product": "x" * 129},
        {"participant": "x" * 257},
        {"thread": "x" * 513},
    ],
    ids=lambda query: str(query)[:40],
)
def test_an_impossible_parameter_is_invalid(api: ApiClient, query: dict[str, str]) -> None:
    (name,) = query
    answer = api.http.get(PATH, params=query)
    assert name in assert_error(answer, 400, "INVALID_PARAMETER")["message"]


@pytest.mark.parametrize("record_id", ["x", "0" * 32, "0" * 31, "%00", "%ff", "A" * 32, "'"])
def test_an_unknown_record_is_not_found(shelf: Shelf, record_id: str) -> None:
    assert_error(shelf[0].http.get(f"{PATH}/{record_id}"), 404, "NOT_FOUND")


def test_a_workspace_reads_only_its_own_records(home: ApiWorkspaces, shelf: Shelf) -> None:
    api, _ = shelf
    stranger = home.workspace()
    record_id = api.http.get(PATH).json()["records"][0]["recordId"]
    assert stranger.http.get(PATH).json() == {"records": [], "nextCursor": None}
    assert_error(stranger.http.get(f"{PATH}/{record_id}"), 404, "NOT_FOUND")
    stranger.wait_until_complete(stranger.accept(stranger.record()))
    assert_error(stranger.http.get(f"{PATH}/{record_id}"), 404, "NOT_FOUND")
    assert len(stranger.http.get(PATH).json()["records"]) == 1
