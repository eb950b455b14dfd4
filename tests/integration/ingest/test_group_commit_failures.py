"""Failures of group commits on PostgreSQL: other workspaces go on, and no batch is stored twice."""

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
from everlake.ingest.group_commit import GroupCommitter
from everlake.ingest.types import IdempotencyClaim, IngestResult, ValidatedBatch
from everlake.storage.local import LocalStore
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture
from tests.support.catalogs import migrated_catalog
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until
from tests.support.tcp_proxy import TcpProxy, tcp_proxy

TIMEOUT = 3.0
LONG_TIMEOUT = 40.0


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.new_catalog()


@pytest.fixture
def homes(url: str) -> Iterator[list[CatalogFixture]]:
    """Three workspaces, in the order in which a commit locks their rows."""
    catalog = migrated_catalog(url)
    made = [catalog_fixture(catalog) for _ in range(3)]
    yield sorted(made, key=lambda home: home.workspace_id)
    catalog.close()


class CommitterThread:
    """A committer with an event loop of its own, so that tests can go on while it waits."""

    def __init__(self, url: str, folder: Path, timeout: float) -> None:
        self._catalog = open_catalog(url, timeout=timeout)
        self._committer = GroupCommitter(self._catalog, LocalStore(folder), timeout)
        self._loop = asyncio.new_event_loop()
        self._sent: list[Future[IngestResult]] = []
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def start(self) -> None:
        self._committer.start()

    def send(self, *given: ValidatedBatch) -> list[Future[IngestResult]]:
        """Commit the batches; in one group where the threads are not started yet."""
        futures = [
            asyncio.run_coroutine_threadsafe(self._committer.commit(each), self._loop)
            for each in given
        ]
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result()
        self._sent += futures
        return futures

    def close(self) -> None:
        self._committer.stop()
        wait(self._sent, 10)  # the loop needs a few iterations for each
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._catalog.close()


@contextmanager
def running_committer(
    url: str, folder: Path, timeout: float = TIMEOUT
) -> Iterator[CommitterThread]:
    made = CommitterThread(url, folder, timeout)
    try:
        yield made
    finally:
        made.close()


def new_batch(home: CatalogFixture, key: str | None = None) -> ValidatedBatch:
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
    """Return the server processes that wait for the row of a workspace."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database() AND query LIKE '%WITH input%'"
        )
        return [row[0] for row in found]


@contextmanager
def locked(url: str, home: CatalogFixture) -> Iterator[Callable[[], None]]:
    """Hold the workspace's row locked by another session, until the yielded function is called."""
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
    given = [new_batch(home) for home in homes]
    with running_committer(url, tmp_path) as committer, locked(url, homes[1]):
        futures = committer.send(*given)
        committer.start()
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
        committer = stack.enter_context(running_committer(url, tmp_path, LONG_TIMEOUT))
        first, *others = (new_batch(home) for home in homes)
        [late, *futures] = committer.send(first, *others)
        committer.start()
        for each, future in zip(others, futures, strict=True):
            assert outcome(future) == new(each)
        for _ in range(20):
            more = new_batch(homes[1])
            [future] = committer.send(more)
            assert outcome(future) == new(more)
        assert not late.done()

        release()

        assert outcome(late) == new(first)


def test_a_deadlock_is_tried_again(homes: list[CatalogFixture], url: str, tmp_path: Path) -> None:
    first, _, last = homes
    given = [new_batch(first), new_batch(last)]
    with (
        running_committer(url, tmp_path, LONG_TIMEOUT) as committer,
        psycopg.connect(url, options="-c deadlock_timeout=60s") as other,
    ):
        lock = "SELECT 1 FROM workspaces WHERE id = %s FOR UPDATE"
        other.execute(lock, [last.workspace_id])
        futures = committer.send(*given)
        committer.start()
        wait_until(lambda: bool(waiting(url)), "it waits for the last", 20)
        # The commit holds the first, so the two wait for each other until the server aborts it.
        other.execute(lock, [first.workspace_id])
        other.rollback()

        assert [outcome(each) for each in futures] == [new(each) for each in given]
    assert stored(url) == sorted(each.row.id for each in given)


def test_a_commit_whose_connection_is_ended_is_tried_again(
    homes: list[CatalogFixture], url: str, tmp_path: Path
) -> None:
    given = [new_batch(home, "k") for home in homes]
    with (
        running_committer(url, tmp_path, LONG_TIMEOUT) as committer,
        locked(url, homes[1]) as release,
    ):
        futures = committer.send(*given)
        committer.start()
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
    given = [new_batch(home, key) for home in homes]
    with (
        tcp_proxy(postgres_server.port) as proxy,
        running_committer(through(proxy, url), tmp_path, LONG_TIMEOUT) as committer,
    ):
        proxy.loses_answers = True
        futures = committer.send(*given)
        committer.start()
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
    given = [new_batch(home, key) for home in homes]
    with (
        tcp_proxy(postgres_server.port) as proxy,
        running_committer(through(proxy, url), tmp_path, LONG_TIMEOUT) as committer,
        locked(url, homes[0]) as release,
    ):
        futures = committer.send(*given)
        committer.start()
        wait_until(lambda: len(waiting(url)) == 1, "it waits", 20)
        proxy.cut(tell_server=False)
        wait_until(lambda: len(waiting(url)) == 2, "it is tried again beside the one cut off", 20)
        release()

        assert [outcome(each) for each in futures] == [new(each) for each in given]
    assert stored(url) == sorted(each.row.id for each in given)
    with psycopg.connect(url) as connection:
        numbers = connection.execute("SELECT last_sequence FROM workspaces").fetchall()
    assert numbers == [(1,)] * 3


def test_two_batches_with_one_key_that_are_tried_again_are_stored_once(
    homes: list[CatalogFixture], url: str, tmp_path: Path
) -> None:
    first, again = new_batch(homes[0], "same"), new_batch(homes[0], "same")
    with running_committer(url, tmp_path) as committer, locked(url, homes[1]):
        futures = committer.send(first, again, new_batch(homes[1]))
        committer.start()

        assert outcome(futures[0]) == new(first)
        assert outcome(futures[1]) == IngestResult(first.row.id.encode(), replayed=True)


def test_stop_ends_in_time_while_a_workspace_is_locked(
    homes: list[CatalogFixture], url: str, tmp_path: Path
) -> None:
    with locked(url, homes[0]):
        with running_committer(url, tmp_path) as committer:
            [future] = committer.send(new_batch(homes[0]))
            committer.start()
            wait_until(lambda: bool(waiting(url)), "it waits", 20)
            begun = time.monotonic()
        assert time.monotonic() - begun < 3 * TIMEOUT
        assert isinstance(outcome(future), WireError)
