"""Contract of PostgreSQL's errors: what its driver raises, and how it is classified.

SQLSTATEs and the texts of failed connections are asserted too, so that an upgrade which changes
them fails here.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.exc import DBAPIError

from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogInterrupted, CatalogUnavailable
from everlake.catalog.opening import open_catalog
from everlake.catalog.postgresql_errors import classify
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.server import free_port

Connection = psycopg.Connection[tuple[Any, ...]]

MAX_CONNECTIONS = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server with few connections, and users that cannot do everything."""
    settings = {"max_connections": str(MAX_CONNECTIONS), "superuser_reserved_connections": "0"}
    with running_postgres(tmp_path_factory.mktemp("postgres"), settings) as made:
        with closing(connect(made.new_database())) as connection:
            connection.execute("CREATE ROLE locked_out LOGIN PASSWORD 'right'")
            connection.execute("CREATE ROLE idle NOLOGIN")
            connection.execute("CREATE ROLE nobody_special LOGIN")
        made.allow("locked_out", "scram-sha-256")
        made.allow("unwanted", "reject")
        yield made


@pytest.fixture
def url(server: PostgresServer) -> str:
    made = server.new_database()
    with closing(connect(made)) as connection:
        connection.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT)")
        connection.execute("INSERT INTO t VALUES (1, 0), (2, 0)")
    return made


def connect(url: str) -> Connection:
    return psycopg.connect(url, autocommit=True)


def lock_not_free(one: Connection, two: Connection) -> None:
    one.execute("BEGIN")
    one.execute("LOCK TABLE t")
    two.execute("SET lock_timeout = 10")
    two.execute("SELECT * FROM t")


def statement_too_long(one: Connection, _: Connection) -> None:
    one.execute("SET statement_timeout = 10")
    one.execute("SELECT pg_sleep(10)")


def not_serializable(one: Connection, two: Connection) -> None:
    for connection in (one, two):
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT * FROM t")
    one.execute("UPDATE t SET a = 1 WHERE id = 1")
    one.execute("COMMIT")
    two.execute("UPDATE t SET a = 2 WHERE id = 1")


def deadlock(one: Connection, two: Connection) -> None:
    for connection, own in ((one, 1), (two, 2)):
        connection.execute("BEGIN")
        connection.execute("UPDATE t SET a = 1 WHERE id = %s", [own])
    errors: list[psycopg.Error] = []

    def update(connection: Connection, other: int) -> None:
        try:
            connection.execute("UPDATE t SET a = 1 WHERE id = %s", [other])
        except psycopg.Error as error:
            errors.append(error)
            connection.execute("ROLLBACK")

    threads = [threading.Thread(target=update, args=args) for args in ((one, 2), (two, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    raise errors[0]


def idle_in_transaction(one: Connection, _: Connection) -> None:
    one.execute("SET idle_in_transaction_session_timeout = 10")
    one.execute("BEGIN")
    time.sleep(0.5)
    one.execute("SELECT 1")


def read_only(one: Connection, _: Connection) -> None:
    one.execute("SET default_transaction_read_only = on")
    one.execute("INSERT INTO t VALUES (3, 0)")


def no_privilege(one: Connection, _: Connection) -> None:
    one.execute("SET ROLE nobody_special")
    one.execute("INSERT INTO t VALUES (3, 0)")


def terminated(one: Connection, two: Connection) -> None:
    two.execute("SELECT pg_terminate_backend(%s)", [one.info.backend_pid])
    time.sleep(0.2)
    one.execute("SELECT 1")


@pytest.mark.parametrize(
    ("provoke", "state", "kind", "advice"),
    [
        (lock_not_free, "55P03", CatalogInterrupted, "a lock was not free in time"),
        (statement_too_long, "57014", CatalogInterrupted, "took too long"),
        (not_serializable, "40001", CatalogInterrupted, "transactions conflicted"),
        (deadlock, "40P01", CatalogInterrupted, "transactions conflicted"),
        (idle_in_transaction, "25P03", CatalogUnavailable, "idle for too long"),
        (read_only, "25006", CatalogUnavailable, "read-only"),
        (no_privilege, "42501", CatalogUnavailable, "lacks a privilege"),
        (terminated, "57P01", CatalogUnavailable, "does not answer"),
    ],
)
def test_an_error_of_the_database_is_unavailable(
    url: str,
    provoke: Callable[[Connection, Connection], None],
    state: str,
    kind: type[CatalogUnavailable],
    advice: str,
) -> None:
    with (
        closing(connect(url)) as one,
        closing(connect(url)) as two,
        pytest.raises(psycopg.Error) as raised,
    ):
        provoke(one, two)
    assert raised.value.sqlstate == state
    mapped = classify(raised.value)
    assert type(mapped) is kind
    assert advice in str(mapped)


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ("SELECT * FROM missing", "42P01"),
        ("SELEC", "42601"),
        ("INSERT INTO t VALUES (1, 0)", "23505"),
        ("SELECT 1 / 0", "22012"),
    ],
)
def test_a_mistake_of_the_program_is_left_as_it_is(
    url: str, statement: LiteralString, state: str
) -> None:
    with closing(connect(url)) as connection, pytest.raises(psycopg.Error) as raised:
        connection.execute(sql.SQL(statement))
    assert raised.value.sqlstate == state
    assert classify(raised.value) is None


def cut(catalog: Catalog, url: str) -> None:
    with catalog.transaction() as tx:
        pid = tx.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with closing(connect(url)) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
        time.sleep(0.2)
        tx.exec_driver_sql("SELECT 1")


def test_a_connection_that_is_cut_is_interrupted(url: str) -> None:
    catalog = open_catalog(url)
    with pytest.raises(CatalogInterrupted, match="does not answer") as raised:
        cut(catalog, url)
    catalog.close()
    cause = raised.value.__cause__
    assert isinstance(cause, DBAPIError)
    assert cause.connection_invalidated
    assert isinstance(cause.orig, psycopg.Error)
    assert cause.orig.sqlstate == "57P01"


def no_password(url: str) -> str:
    return url.replace("everlake@", "locked_out@")


def wrong_password(url: str) -> str:
    return url.replace("everlake@", "locked_out:wrong@")


def unknown_user(url: str) -> str:
    return url.replace("everlake@", "unknown@")


def user_without_login(url: str) -> str:
    return url.replace("everlake@", "idle@")


def rejected_by_rule(url: str) -> str:
    return url.replace("everlake@", "unwanted@")


def unknown_database(url: str) -> str:
    return f"{url.rpartition('/')[0]}/unknown"


def no_privilege_to_connect(url: str) -> str:
    with closing(connect(url)) as connection:
        statement = sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC")
        connection.execute(statement.format(sql.Identifier(url.rpartition("/")[2])))
    return url.replace("everlake@", "nobody_special@")


def closed_port(url: str) -> str:
    address, _, database = url.rpartition("/")
    return f"{address.rpartition(':')[0]}:{free_port()}/{database}"


def unknown_host(url: str) -> str:
    return url.replace("127.0.0.1", "unknown.invalid")


REJECTED = "rejects the user or password of EVERLAKE_DATABASE_URL"
NO_RESPONSE = "The database does not answer"


@pytest.mark.parametrize(
    ("other", "text", "advice"),
    [
        (wrong_password, "password authentication failed", REJECTED),
        (no_password, "no password supplied", REJECTED),
        (unknown_user, 'role "unknown" does not exist', REJECTED),
        (user_without_login, "is not permitted to log in", REJECTED),
        (rejected_by_rule, "pg_hba.conf", REJECTED),
        (unknown_database, 'database "unknown" does not exist', "There is no database"),
        (no_privilege_to_connect, "permission denied for database", "lacks a privilege"),
        (closed_port, "Connection refused", NO_RESPONSE),
        (unknown_host, "resolve", NO_RESPONSE),
    ],
)
def test_a_connection_that_fails_says_why(
    url: str, other: Callable[[str], str], text: str, advice: str
) -> None:
    wrong = other(url)
    with pytest.raises(psycopg.OperationalError, match=text) as raised:
        connect(wrong)
    assert raised.value.sqlstate is None, "libpq tells the SQLSTATE: the texts are not needed"
    with pytest.raises(CatalogUnavailable, match=advice):
        open_catalog(wrong, timeout=5)


def connect_too_often(url: str, stack: ExitStack) -> None:
    for _ in range(MAX_CONNECTIONS + 1):
        stack.enter_context(closing(connect(url)))


def test_a_server_without_a_free_connection_says_so(url: str) -> None:
    with ExitStack() as stack:
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            connect_too_often(url, stack)
        with pytest.raises(CatalogUnavailable, match="accepts no more connections"):
            open_catalog(url, timeout=5)
