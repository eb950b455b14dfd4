"""Several API processes on one port are one API."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.processes import child_processes, is_alive, kill, wait_until
from tests.support.server import (
    NO_RATE_LIMIT,
    ApiClient,
    EverlakeServer,
    run_everlake_json,
    running_server,
)

THREE = {"EVERLAKE_API_PROCESSES": "3"}


def all_up(server: EverlakeServer) -> bool:
    return server.log().count('"event": "listening"') >= 3


def accepted(api: ApiClient, name: str) -> bool:
    """Send one record over a connection of its own."""
    answer = httpx.post(
        f"{api.url}/api/v1/ingest",
        json=api.record(_vendor_ids={"id": name}),
        headers={"x-api-key": api.setup["api_key"]},
        timeout=60,
        trust_env=False,
    )
    return answer.status_code == 202


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EverlakeServer, ApiClient]]:
    data = tmp_path_factory.mktemp("data")
    keys = run_everlake_json("init", data=data)
    with running_server("serve", data, {**NO_RATE_LIMIT, **THREE}) as server:
        wait_until(lambda: all_up(server), "all three listen")
        yield server, ApiClient(server.url, keys)


def test_there_are_as_many_as_the_setting_says(setup: tuple[EverlakeServer, ApiClient]) -> None:
    server, _ = setup

    assert len(child_processes(server)["api"]) == 3


def test_a_key_sent_to_all_at_once_makes_one_batch(setup: tuple[EverlakeServer, ApiClient]) -> None:
    _, api = setup
    body = api.record(_vendor_ids={"id": "once"})
    together = threading.Barrier(24)

    def send(_: int) -> httpx.Response:
        together.wait()
        return api.post(body, headers={"idempotency-key": "the same for all"})

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(send, range(24)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    replayed = [answer.headers.get("idempotent-replayed") for answer in answers]
    assert replayed.count(None) == 1


def test_one_that_is_killed_is_missed_by_nobody_and_comes_back(
    setup: tuple[EverlakeServer, ApiClient],
) -> None:
    server, api = setup
    first = child_processes(server)["api"][0]
    kill(first)

    for number in range(60):
        assert accepted(api, f"after {number}")
    wait_until(
        lambda: len([pid for pid in child_processes(server)["api"] if is_alive(pid)]) == 3,
        "it comes back",
    )
    assert first not in child_processes(server)["api"]


def test_while_none_is_alive_a_request_waits_for_the_next(
    setup: tuple[EverlakeServer, ApiClient],
) -> None:
    server, api = setup
    for pid in child_processes(server)["api"]:
        kill(pid)

    assert accepted(api, "patient")


def test_the_rate_is_counted_over_all(tmp_path: Path) -> None:
    keys = run_everlake_json("init", data=tmp_path)
    slow = {"EVERLAKE_RATE_LIMIT": "0.001", "EVERLAKE_RATE_BURST": "7", **THREE}
    with running_server("serve", tmp_path, slow) as server:
        wait_until(lambda: all_up(server), "all three listen")
        # Each request on a connection of its own, so that all three processes get some.
        answers = [
            httpx.get(
                f"{server.url}/api/v1/ingest/batches",
                headers={"x-api-key": keys["api_key"]},
                trust_env=False,
            ).status_code
            for _ in range(40)
        ]

    assert answers.count(200) == 7
    assert set(answers) == {200, 429}


def test_the_api_role_has_as_many_and_ends_them_all(tmp_path: Path) -> None:
    run_everlake_json("init", data=tmp_path)
    with running_server("api", tmp_path, THREE) as server:
        wait_until(lambda: all_up(server), "all three listen")
        processes = child_processes(server)["api"]
        assert len(processes) == 3
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0

    assert not any(is_alive(pid) for pid in processes)
    assert server.log().count('"event": "stopped"') == 3
