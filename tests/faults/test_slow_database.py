"""A database that is slow or hangs makes requests wait within a bound, and then 503."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.postgres import PostgresServer, running_postgres
from tests.support.processes import process_tree
from tests.support.server import (
    NO_RATE_LIMIT,
    ApiClient,
    EverlakeServer,
    run_everlake,
    running_server,
)

AT_ONCE = 24
UNTOLD = 60.0
"""Seconds after which the tests' HTTP client gives up, were there no answer."""


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.new_database()


def start(data: Path, url: str) -> tuple[dict[str, str], dict[str, str]]:
    """The settings over the database at ``url``, and what ``init`` made there."""
    env = {**NO_RATE_LIMIT, "EVERLAKE_DATABASE_URL": url, "EVERLAKE_DATABASE_TIMEOUT": "1"}
    made = run_everlake(
        "init", "--product-id", "prod-1", "--project-id", "proj-1", "--json", data=data, env=env
    )
    return env, json.loads(made.stdout)


@contextmanager
def locked_workspaces(url: str) -> Iterator[None]:
    """Another session holds the row that every new batch takes its number from."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE workspaces SET name = name")
        yield
        connection.rollback()


@contextmanager
def hanging(server: PostgresServer) -> Iterator[None]:
    """The server and all of its processes stand still, their connections open."""
    assert server._process is not None
    stopped = process_tree(server._process.pid)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def send_many(api: ApiClient, name: str, **options: Any) -> list[Any]:
    def send(number: int) -> Any:
        record = api.record(_vendor_ids={"id": f"{name}{number}"})
        return api.post([record], timeout=UNTOLD, **options)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(send, range(AT_ONCE)))


def assert_unavailable(answers: list[Any]) -> None:
    for answer in answers:
        assert answer.status_code == 503, answer.text
        assert answer.json()["error"] == "UNAVAILABLE", answer.text
        assert int(answer.headers["retry-after"]) >= 1


def batches(url: str) -> int:
    with psycopg.connect(url) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM batches")
    return count


def assert_all_goes_on(
    api: ApiClient, worker: EverlakeServer, data: Path, env: dict[str, str]
) -> None:
    answers = send_many(api, "after")
    assert [answer.status_code for answer in answers] == [202] * AT_ONCE
    api.wait_until_complete(*(answer.json()["batchId"] for answer in answers))
    worker.stop()
    assert run_everlake("lake", "verify", data=data, env=env).returncode == 0


def test_a_row_locked_for_long_ends_in_503_with_nothing_stored(tmp_path: Path, url: str) -> None:
    env, setup = start(tmp_path, url)
    with (
        running_server("api", tmp_path, env) as server,
        running_server("worker", tmp_path, env) as worker,
    ):
        api = ApiClient(server.url, setup)
        before = send_many(api, "before")
        with locked_workspaces(url):
            assert_unavailable(send_many(api, "during"))
            assert_unavailable(send_many(api, "keyed", headers={"idempotency-key": "one"}))
            assert api.http.get("/api/v1/ingest/batches").status_code == 200
            assert batches(url) == len(before)
        assert batches(url) == len(before)
        again = send_many(api, "keyed", headers={"idempotency-key": "one"})
        # One of them was the first; the others came with another body under its key.
        assert sorted(answer.status_code for answer in again) == [202] + [400] * (AT_ONCE - 1)
        assert_all_goes_on(api, worker, tmp_path, env)


def test_a_database_that_hangs_ends_in_503_and_all_goes_on_with_it(tmp_path: Path) -> None:
    (tmp_path / "pg").mkdir()
    with running_postgres(tmp_path / "pg") as database:
        url = database.new_database()
        env, setup = start(tmp_path, url)
        with (
            running_server("api", tmp_path, env) as server,
            running_server("worker", tmp_path, env) as worker,
        ):
            api = ApiClient(server.url, setup)
            api.wait_until_complete(
                *(answer.json()["batchId"] for answer in send_many(api, "before"))
            )
            with hanging(database):
                assert_unavailable(send_many(api, "first"))  # some at their commit
                assert_unavailable(send_many(api, "then"))  # their key is to be looked up anew
                assert api.http.get("/healthz").status_code == 200
                assert api.http.get("/readyz", timeout=UNTOLD).status_code == 503
            assert_all_goes_on(api, worker, tmp_path, env)
