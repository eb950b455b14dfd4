"""GET /api/v1/ingest/batches/{batchId}/errors: rejected records, with payloads and errors."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from everlake.catalog import batches
from everlake.contract.errors import RecordErrorCode
from everlake.landing.rejected import RejectedWriter
from tests.support.api_workspaces import ApiWorkspaces, as_ndjson, assert_error, ndjson
from tests.support.raw_http import ProcessMemory
from tests.support.server import ApiClient

MEGABYTE = 1024 * 1024
VALIDATION_ERROR = RecordErrorCode.VALIDATION_ERROR


def path_of(batch_id: str) -> str:
    return f"/api/v1/ingest/batches/{batch_id}/errors"


def pages(api: ApiClient, batch_id: str, **params: Any) -> Iterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        answer = api.http.get(path_of(batch_id), params={**params, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert set(page) == {"errors", "nextCursor"}
        yield page
        if page["nextCursor"] is None:
            return
        assert 1 <= len(page["nextCursor"]) <= 256
        cursor = {"cursor": page["nextCursor"]}


def batch_with(api: ApiClient, *records: Any) -> str:
    """Submit a valid record and these lines of NDJSON; return the id of the batch."""
    answer = as_ndjson(api, ndjson(api.record(), *records))
    assert answer.status_code == 202, answer.text
    return answer.json()["batchId"]


def object_of(home: ApiWorkspaces, api: ApiClient, batch_id: str) -> Path:
    """Return the file with the batch's rejected records."""
    with home.catalog.snapshot() as tx:
        row = batches.get(tx, api.setup["workspace_id"], batch_id)
    assert row is not None
    assert row.rejected_path is not None
    return home.server.data / row.rejected_path


def test_a_refused_record_is_given_with_its_payload_and_all_of_its_errors(fresh: ApiClient) -> None:
    wrong = fresh.record(_participants=[{"id": "1", "role": "boss"}] * 30, _mood="good")
    batch_id = batch_with(fresh, wrong, fresh.record(_vendor_ids={"id": "2"}), b"{}")

    [page] = pages(fresh, batch_id)

    first, second = page["errors"]
    assert (first["index"], second["index"]) == (1, 3)
    assert first["payload"] == json.dumps(wrong)
    assert [error["message"] for error in first["errors"]] == [
        *(f"_participants[{n}].role: must be internal, external or unknown" for n in range(30)),
        "_mood: is not a member of the envelope: put it inside data",
    ]
    assert {error["code"] for error in first["errors"]} == {"VALIDATION_ERROR"}
    assert set(first) == {"index", "errors", "payload"}
    counted = sum(len(entry["errors"]) for entry in page["errors"])
    assert counted == fresh.batch(batch_id)["totalErrorCount"]


def test_a_payload_is_given_as_it_was_sent_whatever_it_is(fresh: ApiClient) -> None:
    sent = [b"no JSON", b' {"a" :\t1.0} ', '"é\u2028"'.encode(), b'{"\xff": 1}', b"[]"]
    batch_id = batch_with(fresh, *sent)

    [page] = pages(fresh, batch_id)

    given = [
        base64.b64decode(entry["payloadBase64"])
        if "payloadBase64" in entry
        else entry["payload"].encode()
        for entry in page["errors"]
    ]
    assert [one.strip() for one in given] == [one.strip() for one in sent]
    assert ["payloadBase64" in entry for entry in page["errors"]] == [False] * 3 + [True, False]


def test_a_batch_of_which_all_was_refused_has_its_records_too(fresh: ApiClient) -> None:
    batch_id = fresh.post([{}, {}]).json()["details"]["batchId"]
    [page] = pages(fresh, batch_id)
    assert [entry["index"] for entry in page["errors"]] == [0, 1]


def test_a_batch_of_which_nothing_was_refused_has_an_empty_list(fresh: ApiClient) -> None:
    batch_id = fresh.accept(fresh.record())
    assert list(pages(fresh, batch_id)) == [{"errors": [], "nextCursor": None}]
    assert_error(
        fresh.http.get(path_of(batch_id), params={"cursor": "x"}), 400, "INVALID_PARAMETER"
    )


@pytest.mark.parametrize(("limit", "sizes"), [(None, [20, 5]), (1, [1] * 25), (25, [25])])
def test_pages_are_by_index_and_hold_as_many_as_asked_for(
    fresh: ApiClient, limit: int | None, sizes: list[int]
) -> None:
    batch_id = batch_with(fresh, *[b'{"n":%d}' % n for n in range(25)])
    found = list(pages(fresh, batch_id, **({} if limit is None else {"limit": limit})))
    assert [len(page["errors"]) for page in found] == sizes
    payloads = [entry["payload"] for page in found for entry in page["errors"]]
    assert payloads == [f'{{"n":{n}}}' for n in range(25)]


@pytest.mark.parametrize("limit", ["0", "101", "x", "", "1.0", "-1"])
def test_a_limit_out_of_bounds_is_refused(fresh: ApiClient, limit: str) -> None:
    batch_id = batch_with(fresh, b"{}")
    assert_error(
        fresh.http.get(path_of(batch_id), params={"limit": limit}), 400, "INVALID_PARAMETER"
    )


def test_a_cursor_is_good_for_its_own_list_only(home: ApiWorkspaces, fresh: ApiClient) -> None:
    lines = [b"{}"] * 2
    here, there = batch_with(fresh, *lines), batch_with(fresh, *lines)
    [first, _] = pages(fresh, here, limit=1)
    other_list = fresh.http.get("/api/v1/ingest/batches", params={"limit": 1}).json()
    theirs = home.workspace()
    their_batch = batch_with(theirs, *lines)

    def ask(api: ApiClient, batch_id: str, cursor: str) -> httpx.Response:
        return api.http.get(path_of(batch_id), params={"cursor": cursor})

    assert ask(fresh, here, first["nextCursor"]).status_code == 200
    assert ask(fresh, here, "").json()["errors"][0] == first["errors"][0]
    for answer in (
        ask(fresh, there, first["nextCursor"]),
        ask(theirs, their_batch, first["nextCursor"]),
        ask(fresh, here, other_list["nextCursor"]),
        ask(fresh, here, first["nextCursor"][:-1]),
        ask(fresh, here, "x" * 257),
    ):
        assert_error(answer, 400, "INVALID_PARAMETER")


def test_a_cursor_does_not_outlive_a_change_of_the_object(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    batch_id, other = batch_with(fresh, b"{}", b"{}"), batch_with(fresh, b"{}", b"[]")
    [first, _] = pages(fresh, batch_id, limit=1)
    object_of(home, fresh, batch_id).write_bytes(object_of(home, fresh, other).read_bytes())
    answer = fresh.http.get(path_of(batch_id), params={"cursor": first["nextCursor"]})
    assert_error(answer, 400, "INVALID_PARAMETER")


def test_very_many_errors_of_an_earlier_batch_come_in_parts_and_cost_little_memory(
    still: ApiWorkspaces,
) -> None:
    """A batch from before the limit of errors a record."""
    api = still.workspace()
    batch_id = batch_with(api, b"{}")
    payload = b"{" + b" " * 5_000_000 + b"}"
    writer = RejectedWriter()
    writer.add(
        0, payload, ((VALIDATION_ERROR, f"m{number:06}: wrong") for number in range(300_000))
    )
    object_of(still, api, batch_id).write_bytes(writer.finish())
    memory = ProcessMemory(still.server)
    memory.reset_peak()
    before = memory.now()

    count = 0
    found = list[str]()
    for page in pages(api, batch_id):
        [entry] = page["errors"]
        assert entry["index"] == 0
        assert entry["errors"]
        count += len(entry["errors"])
        found.append(entry.get("payload", ""))

    assert count == 300_000
    assert len(found) > 10
    assert found[-1] == payload.decode()
    assert not any(found[:-1])
    assert memory.peak() - before < 80 * MEGABYTE


def test_large_payloads_make_short_pages(fresh: ApiClient) -> None:
    batch_id = batch_with(fresh, *[b'"%s"' % (b"x" * 700_000)] * 5)
    found = list(pages(fresh, batch_id, limit=100))
    assert [len(page["errors"]) for page in found] == [2, 2, 1]


@pytest.mark.parametrize("permission", ["api:read", "api:write"])
def test_either_permission_is_enough(
    home: ApiWorkspaces, fresh: ApiClient, permission: str
) -> None:
    batch_id = batch_with(fresh, b"{}")
    assert len(list(pages(home.key(fresh, [permission]), batch_id))) == 1


def test_without_permission_or_key_nothing_is_told(home: ApiWorkspaces, fresh: ApiClient) -> None:
    batch_id = batch_with(fresh, b"{}")
    assert_error(home.key(fresh, ["mcp:read"]).http.get(path_of(batch_id)), 403, "FORBIDDEN")
    stranger = httpx.get(fresh.url + path_of(batch_id), trust_env=False)
    assert_error(stranger, 401, "UNAUTHORIZED")


def test_another_workspaces_batch_is_as_unknown_as_one_that_is_not_there(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    theirs = home.workspace()
    answer = fresh.http.get(path_of(batch_with(theirs, b"{}")))
    assert_error(answer, 404, "NOT_FOUND")
    unknown = fresh.http.get(path_of("01a1ff7a-f1fe-70e6-876e-0e98031c144d"))
    assert answer.content == unknown.content


@pytest.mark.parametrize("harm", ["missing", "cut off", "changed"])
def test_an_object_that_is_lost_or_damaged_is_a_clear_error_and_in_the_log(
    home: ApiWorkspaces, fresh: ApiClient, harm: str
) -> None:
    batch_id = batch_with(fresh, b"{}", b"[]")
    file = object_of(home, fresh, batch_id)
    content = file.read_bytes()
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(content[:-5] + (b"" if harm == "cut off" else b"\0" + content[-4:]))

    answer = fresh.http.get(path_of(batch_id), headers={"x-request-id": f"lost-{batch_id}"})

    message = assert_error(answer, 500, "INTERNAL_ERROR")["message"]
    assert "lost or damaged" in message
    assert f"lost-{batch_id}" in message
    assert "landing" not in answer.text
    lines = [line for line in home.server.log().splitlines() if f"lost-{batch_id}" in line]
    assert any("archive object cannot be read" in line for line in lines)
    assert fresh.batch(batch_id)["rejectedCount"] == 2


def test_storage_that_cannot_be_read_just_now_is_unavailable(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    batch_id = batch_with(fresh, b"{}")
    file = object_of(home, fresh, batch_id)
    content = file.read_bytes()
    file.unlink()
    file.mkdir()
    assert_error(fresh.http.get(path_of(batch_id)), 503, "UNAVAILABLE")
    file.rmdir()
    file.write_bytes(content)
    assert len(list(pages(fresh, batch_id))) == 1


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_no_other_method_is_known(fresh: ApiClient, method: str) -> None:
    answer = fresh.http.request(method, path_of("x"))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


def test_refused_records_that_are_kept_no_more_are_a_404_that_says_so(
    api: ApiClient, home: ApiWorkspaces
) -> None:
    batch_id = api.accept([api.record(), api.record(_event_at="yesterday")])
    with home.catalog.transaction() as tx:
        batches.clear_rejected_paths(tx, [batch_id])

    answer = api.http.get(path_of(batch_id))

    assert answer.status_code == 404
    assert answer.json()["error"] == "NOT_FOUND"
    assert "deleted" in answer.json()["message"]
    assert api.batch(batch_id)["rejectedCount"] == 1
    assert len(api.batch(batch_id)["errors"]) == 1
