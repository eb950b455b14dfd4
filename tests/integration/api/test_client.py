"""Batches in the Python client: events, rejected records and retry."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from everlake.client import ApiError, Client, Unreachable
from everlake.client.retry import RetryDelay
from everlake.contract.batches import Batch, BatchStatus
from tests.support.api_workspaces import READ_WRITE, ApiWorkspaces, running_api
from tests.support.batch_transitions import advance_batch, fail_batch
from tests.support.server import NO_RATE_LIMIT, ApiClient

LANDED, PROCESSING, COMPLETE = BatchStatus.LANDED, BatchStatus.PROCESSING, BatchStatus.COMPLETE
WAY = ["LANDING", "LANDED", "PROCESSING", "COMPLETE"]


def client_of(
    api: ApiClient, attempts: int = 8, before_again: Callable[[RetryDelay], None] = lambda _: None
) -> Client:
    return Client(api.url, api.setup["api_key"], attempts=attempts, before_retry=before_again)


def test_events_are_followed_to_the_end(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept([api.record(), {}])
    seen: list[Batch] = []
    with client_of(api) as client:
        for batch in client.events(batch_id):
            seen.append(batch)
            if len(seen) == 1:
                advance_batch(still.catalog, api, LANDED, PROCESSING, COMPLETE)
        assert [batch.status for batch in seen] == WAY
        assert seen[-1] == client.batch(batch_id)
        assert list(client.events(batch_id)) == seen[-1:]


def test_a_batch_that_fails_ends_the_events(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    with client_of(api) as client:
        events = client.events(batch_id)
        assert next(events).status == "LANDING"
        fail_batch(still.catalog, api)
        assert [batch.status for batch in events] == ["FAILED"]


def test_a_stream_that_is_lost_goes_on_where_it_was(tmp_path: Path) -> None:
    with running_api("api", tmp_path, NO_RATE_LIMIT) as home:
        api = home.workspace()
        batch_id = api.accept(api.record())
        waited: list[str] = []

        def wait(delay: RetryDelay) -> None:
            waited.append(delay.reason)
            time.sleep(0.2)

        with client_of(api, attempts=1_000, before_again=wait) as client:
            events = client.events(batch_id)
            assert next(events).status == "LANDING"
            home.server.kill()
            back = threading.Thread(target=home.server.start)
            back.start()
            advance_batch(home.catalog, api, LANDED, PROCESSING)
            assert next(events).status == "LANDED"
            back.join()
            home.server.stop()
            home.server.start()
            advance_batch(home.catalog, api, COMPLETE)
            assert [batch.status for batch in events] == ["PROCESSING", "COMPLETE"]
        assert any("before the batch did" in reason for reason in waited)


def test_events_end_with_an_error_when_the_key_is_revoked(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    with client_of(api, before_again=lambda _: time.sleep(1)) as client:
        events = client.events(batch_id)
        next(events)
        still.revoke(api)
        with pytest.raises(ApiError, match="UNAUTHORIZED"):
            list(events)


def test_refused_records_come_over_all_pages(still: ApiWorkspaces) -> None:
    api = still.workspace()
    sent = [{"n": number} for number in range(25)]
    batch_id = api.accept([api.record(), *sent])
    with client_of(api) as client:
        for limit in (1, 7, 100):
            found = list(client.errors(batch_id, limit=limit))
            assert [json.loads(str(record.payload)) for record in found] == sent
            assert [record.index for record in found] == list(range(1, 26))
        total = sum(len(record.errors) for record in found)
        assert total == client.batch(batch_id).totalErrorCount
        assert list(client.errors(api.accept(api.record()))) == []


def test_a_retry_gives_the_batch_and_can_be_made_again(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    fail_batch(still.catalog, api)
    with client_of(api) as client:
        assert client.retry(batch_id).status == "LANDING"
        assert client.retry(batch_id).status == "LANDING"


def test_an_unknown_batch_is_an_error_of_the_api(still: ApiWorkspaces) -> None:
    with client_of(still.workspace(READ_WRITE)) as client:
        for ask in (
            lambda: list(client.events("x")),
            lambda: list(client.errors("x")),
            lambda: client.retry("x"),
        ):
            with pytest.raises(ApiError) as refused:
                ask()
            assert refused.value.status == 404


def test_a_server_that_is_away_is_told_of(still: ApiWorkspaces) -> None:
    key = still.workspace().setup["api_key"]
    with (
        Client("http://127.0.0.1:9", key, attempts=2, before_retry=lambda _: None) as client,
        pytest.raises(Unreachable, match="does not answer"),
    ):
        list(client.events("x"))


def test_what_is_no_stream_of_events_is_told_of(still: ApiWorkspaces) -> None:
    api = still.workspace()
    # Another path answers instead, as a wrong proxy does.
    with (
        Client(api.url + "/docs?", api.setup["api_key"]) as client,
        pytest.raises(Unreachable, match="not as Everlake does"),
    ):
        list(client.events("x"))
