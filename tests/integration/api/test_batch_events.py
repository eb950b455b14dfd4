"""GET /api/v1/ingest/batches/{batchId}/events: a batch's changes as they come."""

import json
import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from everlake.api.subscriptions import MAX_STREAMS, MAX_STREAMS_PER_PRINCIPAL
from everlake.client.server_sent_events import ServerSentEvent, read_events
from everlake.contract.batches import BatchStatus
from tests.support.api_workspaces import ApiWorkspaces, assert_error, running_api
from tests.support.batch_transitions import advance_batch, fail_batch
from tests.support.processes import wait_until
from tests.support.raw_http import connect, read_all
from tests.support.server import NO_RATE_LIMIT, ApiClient, EverlakeServer

LANDED, PROCESSING, COMPLETE = BatchStatus.LANDED, BatchStatus.PROCESSING, BatchStatus.COMPLETE
WAY = ["LANDING", "LANDED", "PROCESSING", "COMPLETE"]


def path_of(batch_id: str) -> str:
    return f"/api/v1/ingest/batches/{batch_id}/events"


@contextmanager
def stream(
    api: ApiClient, batch_id: str, last_id: str | None = None
) -> Generator[tuple[httpx.Response, Iterator[ServerSentEvent]]]:
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    with api.http.stream("GET", path_of(batch_id), headers=headers) as response:
        yield response, read_events(response.iter_bytes())


def status_of(event: ServerSentEvent) -> str:
    return json.loads(event.data)["status"]


def followed(api: ApiClient, batch_id: str, last_id: str | None = None) -> list[ServerSentEvent]:
    """All events until the server ends the stream."""
    with stream(api, batch_id, last_id) as (response, events):
        assert response.status_code == 200, response.read()
        return list(events)


def test_each_change_is_told_as_it_comes_until_the_batch_is_complete(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept([api.record(), {}])
    with stream(api, batch_id) as (response, events):
        assert response.status_code == 200
        assert response.headers["content-type"].split(";")[0] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["x-request-id"]
        first = next(events)
        assert json.loads(first.data) == api.batch(batch_id)
        seen = [first]
        for step in (LANDED, PROCESSING, COMPLETE):
            advance_batch(still.catalog, api, step)
            seen.append(next(events))
            assert json.loads(seen[-1].data) == api.batch(batch_id)
        assert list(events) == []
    assert [status_of(event) for event in seen] == WAY
    assert {event.event for event in seen} == {"batch"}
    assert len({event.id for event in seen}) == 4


def test_a_batch_that_moves_in_an_instant_skips_no_status(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    with stream(api, batch_id) as (_, events):
        assert status_of(next(events)) == "LANDING"
        advance_batch(still.catalog, api, LANDED, PROCESSING, COMPLETE)
        assert [status_of(event) for event in events] == WAY[1:]


def test_a_real_worker_is_followed_to_the_end(fresh: ApiClient) -> None:
    statuses = [status_of(event) for event in followed(fresh, fresh.accept(fresh.record()))]
    assert statuses == WAY[WAY.index(statuses[0]) :]


def test_a_change_of_counts_is_told_and_what_nobody_can_see_is_not(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record(_attachments=[{"type": "file"}] * 2))

    def change(column: str, value: int) -> None:
        with still.catalog.transaction() as tx:
            tx.exec_driver_sql(f"UPDATE batches SET {column} = ? WHERE id = ?", (value, batch_id))  # noqa: S608 - of this test

    with stream(api, batch_id) as (_, events):
        assert json.loads(next(events).data)["attachmentDownloadStatus"] == "PENDING"
        change("attempts", 3)
        time.sleep(0.3)
        change("attachment_complete", 1)
        event = next(events)
        assert json.loads(event.data)["attachmentDownloadComplete"] == 1
        assert status_of(event) == "LANDING"
        advance_batch(still.catalog, api, LANDED, COMPLETE)
        assert [status_of(next(events)) for _ in WAY[1:]] == WAY[1:]
        change("attachment_failed", 1)
        [last] = events
        assert json.loads(last.data)["attachmentDownloadStatus"] == "PARTIAL_FAILURE"


def test_whoever_comes_back_gets_what_came_after_the_last_event_and_nothing_twice(
    still: ApiWorkspaces,
) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    with stream(api, batch_id) as (_, events):
        seen = [next(events)]
    advance_batch(still.catalog, api, LANDED)
    with stream(api, batch_id, seen[-1].id) as (_, events):
        seen.append(next(events))
    advance_batch(still.catalog, api, PROCESSING)
    with stream(api, batch_id, seen[-1].id) as (_, events):
        seen.append(next(events))
        advance_batch(still.catalog, api, COMPLETE)
        seen += events
    assert [status_of(event) for event in seen] == WAY
    for number, event in enumerate(seen[:-1]):
        assert [again.id for again in followed(api, batch_id, event.id)] == [
            later.id for later in seen[number + 1 :]
        ]


def test_an_id_means_the_same_to_another_process(tmp_path: Path) -> None:
    with running_api("api", tmp_path, NO_RATE_LIMIT) as home:
        api = home.workspace()
        batch_id = api.accept(api.record())
        other = EverlakeServer("api", tmp_path, NO_RATE_LIMIT)
        other.start()
        try:
            there = ApiClient(other.url, api.setup)
            with stream(api, batch_id) as (_, events):
                first = next(events)
            with stream(there, batch_id, first.id) as (_, events):
                advance_batch(home.catalog, api, LANDED)
                second = next(events)
            home.server.stop()
            home.server.start()
            with stream(api, batch_id, second.id) as (_, events):
                advance_batch(home.catalog, api, PROCESSING, COMPLETE)
                assert [status_of(event) for event in events] == ["PROCESSING", "COMPLETE"]
        finally:
            other.stop()


def test_a_batch_that_has_ended_is_told_once_and_then_no_more(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    advance_batch(still.catalog, api, LANDED, PROCESSING, COMPLETE)
    [event] = followed(api, batch_id)
    assert json.loads(event.data) == api.batch(batch_id)
    answer = api.http.get(path_of(batch_id), headers={"Last-Event-ID": event.id})
    assert answer.status_code == 204
    assert answer.content == b""
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("last_id", ["", "17", "LANDED", "DONE-0-0", "é", "x" * 5_000])
def test_an_id_that_is_not_ours_is_taken_for_none(still: ApiWorkspaces, last_id: str) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    advance_batch(still.catalog, api, LANDED, PROCESSING, COMPLETE)
    headers = {b"Last-Event-ID": last_id.encode()}
    answer = api.http.get(path_of(batch_id), headers=headers)
    assert [status_of(event) for event in read_events([answer.content])] == ["COMPLETE"]


def test_a_failed_batch_ends_the_stream_and_a_retried_one_begins_a_new_one(
    still: ApiWorkspaces,
) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    with stream(api, batch_id) as (_, events):
        assert status_of(next(events)) == "LANDING"
        fail_batch(still.catalog, api)
        [failed] = events
        assert status_of(failed) == "FAILED"
    assert api.http.post(f"/api/v1/ingest/batches/{batch_id}/retry").status_code == 200
    with stream(api, batch_id, failed.id) as (_, events):
        assert status_of(next(events)) == "LANDING"
        fail_batch(still.catalog, api)
        [again] = events
    assert status_of(again) == "FAILED"
    assert again.id != failed.id
    assert [status_of(event) for event in followed(api, batch_id, failed.id)] == [
        "LANDING",
        "FAILED",
    ]


def test_everybody_follows_only_what_they_asked_for(still: ApiWorkspaces) -> None:
    apis = [still.workspace() for _ in range(8)]
    batch_ids = [api.accept(api.record()) for api in apis]
    seen: dict[int, list[dict[str, Any]]] = {}

    def follow(number: int) -> None:
        with stream(apis[number], batch_ids[number]) as (_, events):
            seen[number] = []
            for event in events:
                seen[number].append(json.loads(event.data))

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(len(apis))]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(seen) == len(apis) and all(seen.values()), "a change is not seen")
    for api in apis:
        advance_batch(still.catalog, api, LANDED)
        advance_batch(still.catalog, api, PROCESSING, COMPLETE)
    for thread in threads:
        thread.join()

    for number, batch_id in enumerate(batch_ids):
        assert {batch["batchId"] for batch in seen[number]} == {batch_id}
        assert [batch["status"] for batch in seen[number]] == WAY


def test_another_workspaces_batch_is_as_unknown_as_one_that_is_not_there(
    still: ApiWorkspaces,
) -> None:
    theirs, ours = still.workspace(), still.workspace()
    answer = ours.http.get(path_of(theirs.accept(theirs.record())))
    assert_error(answer, 404, "NOT_FOUND")
    assert answer.content == ours.http.get(path_of("unknown")).content


def test_either_permission_is_enough_and_another_is_not(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    for permission in ("api:read", "api:write"):
        with stream(still.key(api, [permission]), batch_id) as (response, events):
            assert response.status_code == 200
            assert status_of(next(events)) == "LANDING"
    assert_error(still.key(api, ["mcp:read"]).http.get(path_of(batch_id)), 403, "FORBIDDEN")
    assert_error(httpx.get(api.url + path_of(batch_id), trust_env=False), 401, "UNAUTHORIZED")


def test_a_stream_ends_when_its_key_is_revoked_and_others_go_on(still: ApiWorkspaces) -> None:
    api = still.workspace()
    other = still.key(api)
    batch_id = api.accept(api.record())
    with stream(api, batch_id) as (_, events), stream(other, batch_id) as (_, others):
        assert status_of(next(events)) == status_of(next(others)) == "LANDING"
        still.revoke(api)
        assert list(events) == []
        # Who comes back while the key is still remembered is sent away again.
        wait_until(
            lambda: api.http.get(path_of(batch_id)).status_code == 401, "the key is still accepted"
        )
        advance_batch(still.catalog, api, LANDED, PROCESSING, COMPLETE)
        assert [status_of(event) for event in others] == WAY[1:]


def stream_request(api: ApiClient, batch_id: str) -> bytes:
    lines = (
        f"GET {path_of(batch_id)} HTTP/1.1",
        "Host: x",
        "Connection: close",
        f"x-api-key: {api.setup['api_key']}",
    )
    return "\r\n".join([*lines, "", ""]).encode()


def test_there_is_a_limit_to_streams_and_whoever_leaves_makes_room(still: ApiWorkspaces) -> None:
    apis = [still.workspace() for _ in range(MAX_STREAMS // MAX_STREAMS_PER_PRINCIPAL)]
    batches = [(api, api.accept(api.record())) for api in apis]
    first, batch_id = batches[0]
    other = still.workspace()
    other_id = other.accept(other.record())
    with ExitStack() as stack:
        wires: list[socket.socket] = []
        for api, own_id in batches:
            for _ in range(MAX_STREAMS_PER_PRINCIPAL):
                wire = stack.enter_context(connect(api))
                wires.append(wire)
                wire.sendall(stream_request(api, own_id))
                assert wire.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert_error(first.http.get(path_of(batch_id)), 429, "RATE_LIMITED")
        assert_error(other.http.get(path_of(other_id)), 503, "UNAVAILABLE")
        assert other.batch(other_id)["status"] == "LANDING"
        wires.pop().close()
        wait_until(lambda: opens(other, other_id), "no stream can be opened")
        for api, _ in batches:
            advance_batch(still.catalog, api, LANDED, PROCESSING, COMPLETE)
        for wire in wires:
            assert read_all(wire).count(b"event: batch") in {3, 4}


def opens(api: ApiClient, batch_id: str) -> bool:
    with stream(api, batch_id) as (response, events):
        return response.status_code == 200 and status_of(next(events)) == "LANDING"


@pytest.mark.parametrize("role", ["api", "serve"])
def test_a_server_that_is_told_to_stop_ends_its_streams_and_itself(
    tmp_path: Path, role: str
) -> None:
    with running_api(role, tmp_path, NO_RATE_LIMIT) as home:
        api = home.workspace()
        batch_ids = [api.accept(api.record()) for _ in range(20)]
        # No worker finds it there: it is not due before the year 2100.
        with home.catalog.transaction() as tx:
            tx.exec_driver_sql("UPDATE batches SET status = 'LANDING', due_at = 4102444800000")
        ended: list[str] = []
        opened = threading.Semaphore(0)

        def follow(batch_id: str) -> None:
            with stream(api, batch_id) as (_, events):
                first = next(events)
                opened.release()
                ended.append([first, *events][-1].id)

        threads = [threading.Thread(target=follow, args=(each,)) for each in batch_ids]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert opened.acquire(timeout=60)
        started = time.monotonic()
        assert home.server.stop() == 0
        took = time.monotonic() - started
        for thread in threads:
            thread.join()
        log = home.server.log()

    assert took < 10, "the promise is ten seconds"
    # Each was ended by the server and not cut off, so that its client can go on from there.
    assert len(ended) == 20
    assert "ended before all requests were finished" not in log
    assert "unexpected error" not in log


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_no_other_method_is_known(fresh: ApiClient, method: str) -> None:
    answer = fresh.http.request(method, path_of("x"))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
