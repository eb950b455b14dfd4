"""Contract, GET /api/v1/ingest/batches."""

import base64
import threading
import time
from typing import Any

import httpx
import pytest

from tests.support.api_workspaces import ApiWorkspaces, assert_error
from tests.support.processes import wait_until
from tests.support.server import ApiClient

PATH = "/api/v1/ingest/batches"


def page(api: ApiClient, **query: Any) -> dict[str, Any]:
    answer = api.http.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(found: dict[str, Any]) -> list[str]:
    return [batch["batchId"] for batch in found["batches"]]


def walk(api: ApiClient, **query: Any) -> list[list[str]]:
    pages: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        found = page(api, **query, **cursor)
        pages.append(ids(found))
        if found["nextCursor"] is None:
            return pages
        cursor = {"cursor": found["nextCursor"]}


def flat(pages: list[list[str]]) -> list[str]:
    return [name for found in pages for name in found]


def fill(api: ApiClient, count: int, **changes: Any) -> list[str]:
    """Batches, newest first."""
    return [api.accept(api.record(**changes)) for _ in range(count)][::-1]


def test_a_workspace_without_batches_has_one_empty_page(fresh: ApiClient) -> None:
    assert page(fresh) == {"batches": [], "nextCursor": None}


def test_batches_come_newest_first(fresh: ApiClient) -> None:
    made = fill(fresh, 5)
    found = page(fresh)
    assert set(found) == {"batches", "nextCursor"}
    assert ids(found) == made
    times = [batch["createdAt"] for batch in found["batches"]]
    assert times == sorted(times, reverse=True)


def test_a_page_holds_twenty_batches_unless_told(fresh: ApiClient) -> None:
    made = fill(fresh, 41)
    assert [len(found) for found in walk(fresh)] == [20, 20, 1]
    assert flat(walk(fresh)) == made


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
def test_pages_hold_every_batch_once_whatever_their_size(fresh: ApiClient, limit: int) -> None:
    made = fill(fresh, 6)
    pages = walk(fresh, limit=limit)
    assert flat(pages) == made
    assert all(len(found) == limit for found in pages[:-1])
    assert pages[-1]


@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "1.0", "1e1", "", " 5", "+5", "0x5", "five", "\u0665", "9" * 5_000]
)
def test_a_limit_is_a_whole_number_from_1_to_100(api: ApiClient, limit: str) -> None:
    answer = api.http.get(PATH, params={"limit": limit})
    assert "limit" in assert_error(answer, 400, "INVALID_PARAMETER")["message"]


def test_batches_that_come_in_meanwhile_make_no_page_repeat_or_skip(fresh: ApiClient) -> None:
    made = fill(fresh, 30)
    enough = threading.Event()
    came: list[int] = []

    def write() -> None:
        with httpx.Client(headers=fresh.http.headers, trust_env=False, timeout=60) as client:
            while not enough.is_set():
                answer = client.post(fresh.url + "/api/v1/ingest", json=fresh.record())
                came.append(answer.status_code)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for before in range(5):
            # On a busy machine the walks may be over before the writer has begun.
            wait_until(lambda least=before: len(came) > least, "no batch came meanwhile")
            seen = flat(walk(fresh, limit=7))
            assert len(set(seen)) == len(seen)
            assert seen[-30:] == made
            assert seen == sorted(seen, reverse=True)
    finally:
        enough.set()
        writer.join()
    assert set(came) == {202}
    assert len(page(fresh, limit=100)["batches"]) == min(30 + len(came), 100)


def test_a_cursor_is_opaque_and_has_at_most_256_characters(fresh: ApiClient) -> None:
    made = fill(fresh, 2)
    cursor = page(fresh, limit=1)["nextCursor"]
    assert isinstance(cursor, str)
    assert 1 <= len(cursor) <= 256
    assert made[0] not in cursor


def test_a_cursor_goes_with_another_limit(fresh: ApiClient) -> None:
    made = fill(fresh, 5)
    cursor = page(fresh, limit=2)["nextCursor"]
    assert ids(page(fresh, limit=100, cursor=cursor)) == made[2:]


def test_an_empty_cursor_is_the_first_page(fresh: ApiClient) -> None:
    made = fill(fresh, 3)
    assert ids(page(fresh, limit=2, cursor="")) == made[:2]


@pytest.mark.parametrize("path", ["records", "search?q=hello", "products", "projects"])
def test_an_empty_cursor_is_the_first_page_of_every_list(api: ApiClient, path: str) -> None:
    separator = "&" if "?" in path else "?"
    assert api.http.get(f"/api/v1/{path}{separator}cursor=").status_code == 200


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "null",
        "0",
        "=",
        "é",
        "\0",
        "%00",
        "' OR 1=1",
        "a" * 256,
        "a" * 257,
        "a" * 7_000,
        base64.urlsafe_b64encode(b"01a1ff7a-f1fe-70e6-876e-0e98031c144d").decode(),
        base64.urlsafe_b64encode(bytes(8) + b"01a1ff7a-f1fe-70e6-876e-0e98031c144d").decode(),
        "01a1ff7a-f1fe-70e6-876e-0e98031c144d",
    ],
)
def test_a_cursor_that_this_server_did_not_make_is_invalid(api: ApiClient, cursor: str) -> None:
    answer = api.http.get(PATH, params={"cursor": cursor})
    assert "cursor" in assert_error(answer, 400, "INVALID_PARAMETER")["message"]


def test_a_cursor_that_was_changed_anywhere_is_invalid(fresh: ApiClient) -> None:
    fill(fresh, 2)
    cursor = page(fresh, limit=1)["nextCursor"]
    changed = [
        cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        for place in range(len(cursor))
    ]
    for forged in [*changed, cursor[:-1], cursor + "A", cursor + "=", " " + cursor, cursor * 2]:
        answer = fresh.http.get(PATH, params={"cursor": forged})
        assert_error(answer, 400, "INVALID_PARAMETER")


def test_a_cursor_of_another_list_or_workspace_is_invalid(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    fill(fresh, 2)
    home.product(fresh)
    cursor = fresh.http.get("/api/v1/products?limit=1").json()["nextCursor"]
    assert_error(fresh.http.get(PATH, params={"cursor": cursor}), 400, "INVALID_PARAMETER")
    cursor = page(fresh, limit=1)["nextCursor"]
    stranger = home.workspace()
    assert_error(stranger.http.get(PATH, params={"cursor": cursor}), 400, "INVALID_PARAMETER")
    for path in ("/api/v1/records", "/api/v1/products", "/api/v1/projects", "/api/v1/search?q=a"):
        answer = fresh.http.get(path, params={"q": "a", "cursor": cursor})
        assert_error(answer, 400, "INVALID_PARAMETER")


def test_batches_can_be_filtered_by_type(fresh: ApiClient) -> None:
    calls, mails = fill(fresh, 3, _type="call"), fill(fresh, 2, _type="email")
    assert flat(walk(fresh, type="call", limit=2)) == calls
    assert flat(walk(fresh, type="email")) == mails
    assert walk(fresh, type="document") == [[]]


def test_batches_can_be_filtered_by_source(home: ApiWorkspaces, fresh: ApiClient) -> None:
    slack = home.key(fresh, source="slack")
    made, others = fill(slack, 3), fill(fresh, 2)
    assert flat(walk(fresh, source="slack", limit=2)) == made
    assert flat(walk(slack, source="api")) == others
    assert walk(fresh, source="zendesk") == [[]]


def test_batches_can_be_filtered_by_status(fresh: ApiClient) -> None:
    made = fill(fresh, 3)
    failed = assert_error(fresh.post(b"{}"), 400, "ALL_RECORDS_REJECTED")["details"]["batchId"]
    fresh.wait_until_complete(*made)
    assert walk(fresh, status="COMPLETE", limit=2) == [made[:2], made[2:]]
    assert walk(fresh, status="FAILED") == [[failed]]
    assert walk(fresh, status="LANDING") == [[]]


def test_filters_that_are_given_together_must_all_hold(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    slack = home.key(fresh, source="slack")
    wanted = fill(slack, 1, _type="call")
    fill(slack, 1)
    fill(fresh, 1, _type="call")
    fresh.wait_until_complete(*ids(page(fresh)))
    assert walk(fresh, source="slack", type="call", status="COMPLETE") == [wanted]
    assert walk(fresh, source="slack", type="call", status="FAILED") == [[]]


@pytest.mark.parametrize(
    "query",
    [
        {"status": "complete"},
        {"status": ""},
        {"status": "DONE"},
        {"type": ""},
        {"type": "mail"},
        {"type": "EMAIL"},
        {"source": ""},
        {"source": "x" * 65},
    ],
    ids=str,
)
def test_a_filter_with_an_impossible_value_is_invalid(
    api: ApiClient, query: dict[str, str]
) -> None:
    (name,) = query
    answer = api.http.get(PATH, params=query)
    assert name in assert_error(answer, 400, "INVALID_PARAMETER")["message"]


def test_a_workspace_lists_only_its_own_batches(home: ApiWorkspaces, fresh: ApiClient) -> None:
    stranger = home.workspace()
    mine, theirs = fill(fresh, 2), fill(stranger, 3)
    assert ids(page(fresh)) == mine
    assert ids(page(stranger)) == theirs


def test_the_order_is_that_of_creation_also_within_one_millisecond(fresh: ApiClient) -> None:
    begun = time.time_ns() // 1_000_000
    made = fill(fresh, 50)
    found = page(fresh, limit=100)
    assert ids(found) == made
    assert all(begun <= batch["createdAt"] for batch in found["batches"])
