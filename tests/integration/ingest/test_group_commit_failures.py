"""Trouble of one workspace at PostgreSQL is its own, and a cut admission is stored once or not."""

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from everlake.catalog.opening import open_catalog
from everlake.contract.errors import ErrorCode, WireError
from everlake.ingest.batch_commit import IdempotencyClaim, IngestResult, ValidatedBatch
from everlake.ingest.group_commit import GroupCommitter
from everlake.storage.local import LocalStore
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until
from tests.support.tcp_proxy import TcpProxy, tcp_proxy

PATIENCE = 3.0
LONG = 40.0


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.new_database()


@pytest.fixture
def homes(url: str) -> Iterator[list[CatalogFixture]]:
    """Three workspaces, in the order in which their rows are locked."""
    catalog = open_catalog(url)
    catalog.upgrade()
    made = [catalog_fixture(catalog) for _ in range(3)]
    yield sorted(made, key=lambda home: home.workspace_id)
    catalog.close()


class Door:
    """An admitter with a loop of its own, so that tests can go on while it waits."""

    def __init__(self, url: str, folder: Path, patience: float) -> None:
        self._catalog = open_catalog(url, timeout=patience)
        self.admitter = GroupCommitter(self._catalog, LocalStore(folder), patience)
        self._loop = asyncio.new_event_loop()
        self._sent: list[Future[IngestResult]] = []
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def start(self) -> None:
        self.admitter.start()

    def send(self, *given: ValidatedBatch) -> list[Future[IngestResult]]:
        """Hand all of them in; together where the admitter is not started yet."""
        futures = [
            asyncio.run_coroutine_threadsafe(self.admitter.commit(each), self._loop)
            for each in given
        ]
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result()
        self._sent += futures
        return futures

    def close(self) -> None:
        self.admitter.stop()
        wait(self._sent, 10)  # the loop has to take a turn or two for each
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._catalog.close()


@contextmanager
def door(url: str, folder: Path, patience: float = PATIENCE) -> Iterator[Door]:
    made = Door(url, folder, patience)
    try:
        yield made
    finally:
        made.close()


def admission(home: CatalogFixture, key: str | None = None) -> ValidatedBatch:
    batch = home.new_batch()
    claim = None
    if key is not None:
        claim = IdempotencyClaim(key, hashlib.sha256(key.encode()).digest())
    return ValidatedBatch(
        row=batch, lines=b"x" * 100, rejected_object=None, receipt=batch.id.encode(), claim=claim
    )


def outcome(future: Future[IngestResult]) -> IngestResult | WireError:
    try:
        return future.result(60)
    except WireError as error:
        return error


def new(given: ValidatedBatch) -> IngestResult:
    return IngestResult(given.row.id.encode(), replayed=False)


def stored(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM batches ORDER BY id")]


def waiting(url: str) -> list[int]:
    """The server's processes that wait for a row of a workspace."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database() AND query LIKE '%WITH given%'"
        )
        return [row[0] for row in found]


@contextmanager
def locked(url: str, home: CatalogFixture) -> Iterator[Callable[[], None]]:
    """Another session holds the workspace's row, until the block's end or the given call."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT 1 FROM workspaces WHERE id = %s FOR UPDATE", [home.workspace_id])
        yield connection.rollback
        connection.rollback()


def through(proxy: TcpProxy, url: str) -> str:
    base, _, name = url.rpartition("/")
    return f"{base.rpartition(':')[0]}:{proxy.port}/{name}"


def test_a_locked_workspace_fails_alone(
    homes: list[CatalogFixture], url: str, tmp_path: Path
) -> None:
    given = [admission(home) for home in homes]
    with door(url, tmp_path) as at, locked(url, homes[1]):
        futures = at.send(*given)
        at.start()
        outcomes = [outcome(each) for each in futures]

        assert [outcomes[0], outcomes[2]] == [new(given[0]), new(given[2])]
        assert isinstance(outcomes[1], WireError)
        assert outcomes[1].code is ErrorCode.UNAVAILABLE
        assert stored(url) == sorted(each.row.id for each in (given[0], given[2]))


def test_the_others_are_answered_while_it_still_waits(
    homes: list[CatalogFixture], url: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        release = stack.enter_context(locked(url, homes[0]))
        at = stack.enter_context(door(url, tmp_path, LONG))
        first, *others = (admission(home) for home in homes)
        [late, *futures] = at.send(first, *others)
        at.start()
        for each, future in zip(others, futures, strict=True):
            assert outcome(future) == new(each)
        for _ in range(20):
            more = admission(homes[1])
            [future] = at.send(more)
            assert outcome(future) == new(more)
        assert not late.done()

        release()

        assert outcome(late) == new(first)


def test_a_deadlock_is_tried_again(homes: list[CatalogFixture], url: str, tmp_path: Path) -> None:
    first, _, last = homes
    given = [admission(first), admission(last)]
    with (
        door(url, tmp_path, LONG) as at,
        psycopg.connect(url, options="-c deadlock_timeout=60s") as other,
    ):
        lock = "SELECT 1 FROM workspaces WHERE id = %s FOR UPDATE"
        other.execute(lock, [last.workspace_id])
        futures = at.send(*given)
        at.start()
        wait_until(lambda: bool(waiting(url)), "it waits for the last", 20)
        # It has the first, so the two wait for each other, until the server ends one: not this.
        other.execute(lock, [first.workspace_id])
        other.rollback()

        assert [outcome(each) for each in futures] == [new(each) for each in given]
    assert stored(url) == sorted(each.row.id for each in given)


def test_an_admission_whose_connection_is_ended_is_tried_again(
    homes: list[CatalogFixture], url: str, tmp_path: Path
) -> None:
    given = [admission(home, "k") for home in homes]
    with door(url, tmp_path, LONG) as at, locked(url, homes[1]) as release:
        futures = at.send(*given)
        at.start()
        wait_until(lambda: bool(waiting(url)), "it waits", 20)
        with psycopg.connect(url) as connection:
            connection.execute("SELECT pg_terminate_backend(%s)", [waiting(url)[0]])
        release()

        assert [outcome(each) for each in futures] == [new(each) for each in given]
    assert stored(url) == sorted(each.row.id for each in given)


@pytest.mark.parametrize("key", [None, "k"], ids=["without a key", "with a key"])
def test_a_commit_whose_answer_was_lost_is_found(
    homes: list[CatalogFixture],
    url: str,
    tmp_path: Path,
    postgres_server: PostgresServer,
    key: str | None,
) -> None:
    given = [admission(home, key) for home in homes]
    with (
        tcp_proxy(postgres_server.port) as proxy,
        door(through(proxy, url), tmp_path, LONG) as at,
    ):
        proxy.loses_answers = True
        futures = at.send(*given)
        at.start()
        wait_until(lambda: len(stored(url)) == 3, "it is committed")
        proxy.loses_answers = False
        proxy.cut()

        assert [outcome(each) for each in futures] == [new(each) for each in given]
    assert stored(url) == sorted(each.row.id for each in given)


@pytest.mark.parametrize("key", [None, "k"], ids=["without a key", "with a key"])
def test_a_statement_that_outlives_its_connection_stores_nothing_twice(
    homes: list[CatalogFixture],
    url: str,
    tmp_path: Path,
    postgres_server: PostgresServer,
    key: str | None,
) -> None:
    given = [admission(home, key) for home in homes]
    with (
        tcp_proxy(postgres_server.port) as proxy,
        door(through(proxy, url), tmp_path, LONG) as at,
        locked(url, homes[0]) as release,
    ):
        futures = at.send(*given)
        at.start()
        wait_until(lambda: len(waiting(url)) == 1, "it waits", 20)
        proxy.cut(tell_server=False)
        wait_until(lambda: len(waiting(url)) == 2, "it is tried again beside the one cut off", 20)
        release()

        assert [outcome(each) for each in futures] == [new(each) for each in given]
    assert stored(url) == sorted(each.row.id for each in given)
    with psycopg.connect(url) as connection:
        numbers = connection.execute("SELECT last_sequence FROM workspaces").fetchall()
    assert numbers == [(1,)] * 3


def test_two_with_one_key_that_are_tried_again_make_one_batch(
    homes: list[CatalogFixture], url: str, tmp_path: Path
) -> None:
    first, again = admission(homes[0], "same"), admission(homes[0], "same")
    with door(url, tmp_path) as at, locked(url, homes[1]):
        futures = at.send(first, again, admission(homes[1]))
        at.start()

        assert outcome(futures[0]) == new(first)
        assert outcome(futures[1]) == IngestResult(first.row.id.encode(), replayed=True)


def test_it_ends_in_time_while_a_workspace_is_locked(
    homes: list[CatalogFixture], url: str, tmp_path: Path
) -> None:
    with locked(url, homes[0]):
        with door(url, tmp_path) as at:
            [future] = at.send(admission(homes[0]))
            at.start()
            wait_until(lambda: bool(waiting(url)), "it waits", 20)
            begun = time.monotonic()
        assert time.monotonic() - begun < 3 * PATIENCE
        assert isinstance(outcome(future), WireError)
