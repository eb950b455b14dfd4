"""Contract of SQLite's errors: what it raises, and how it is classified.

The result codes are asserted too, so that an upgrade which changes them fails here.
"""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from everlake.catalog.errors import CatalogUnavailable
from everlake.catalog.sqlite_errors import classify, is_busy


def connect(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=0, isolation_level=None)


def filled(file: Path) -> Path:
    """Create a database whose table has many pages."""
    with closing(connect(file)) as database:
        database.execute("CREATE TABLE t (a TEXT)")
        database.executemany("INSERT INTO t VALUES (?)", [("x" * 1_000,)] * 100)
    return file


def busy(folder: Path) -> None:
    with closing(connect(filled(folder / "db"))) as one, closing(connect(folder / "db")) as two:
        one.execute("BEGIN IMMEDIATE")
        two.execute("BEGIN IMMEDIATE")


def locked(folder: Path) -> None:
    with closing(connect(filled(folder / "db"))) as database:
        rows = database.execute("SELECT * FROM t")
        rows.fetchone()
        database.execute("DROP TABLE t")


def full(folder: Path) -> None:
    with closing(connect(filled(folder / "db"))) as database:
        [(pages,)] = database.execute("PRAGMA page_count")
        database.execute(f"PRAGMA max_page_count={pages}")
        database.executemany("INSERT INTO t VALUES (?)", [("x" * 1_000,)] * 100)


def read_only(folder: Path) -> None:
    with closing(connect(filled(folder / "db"))) as database:
        database.execute("PRAGMA query_only=ON")
        database.execute("INSERT INTO t VALUES ('a')")


def cannot_open(folder: Path) -> None:
    with closing(connect(folder)) as database:
        database.execute("SELECT 1")


def not_a_database(folder: Path) -> None:
    (folder / "db").write_bytes(b"something else" * 1_000)
    with closing(connect(folder / "db")) as database:
        database.execute("SELECT * FROM sqlite_schema")


def corrupt(folder: Path) -> None:
    with filled(folder / "db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    with closing(connect(folder / "db")) as database:
        database.execute("SELECT count(*) FROM t")


@pytest.mark.parametrize(
    ("provoke", "code", "advice"),
    [
        (busy, "SQLITE_BUSY", "its write lock was not free"),
        (locked, "SQLITE_LOCKED", "its write lock was not free"),
        (full, "SQLITE_FULL", "The disk that holds the database is full"),
        (read_only, "SQLITE_READONLY", "cannot be written to"),
        (cannot_open, "SQLITE_CANTOPEN", "cannot be opened"),
        (not_a_database, "SQLITE_NOTADB", "damaged or is not a database"),
        (corrupt, "SQLITE_CORRUPT", "damaged or is not a database"),
    ],
)
def test_an_error_of_the_database_is_unavailable(
    tmp_path: Path, provoke: Callable[[Path], None], code: str, advice: str
) -> None:
    with pytest.raises(sqlite3.Error) as raised:
        provoke(tmp_path)
    error = raised.value
    assert error.sqlite_errorcode & 0xFF == getattr(sqlite3, code)
    assert error.sqlite_errorname.startswith(code)
    mapped = classify(error)
    assert type(mapped) is CatalogUnavailable
    assert advice in str(mapped)
    assert is_busy(error) is (code in {"SQLITE_BUSY", "SQLITE_LOCKED"})


# The limit holds for a whole process.
_WRITE_TO_A_LIMITED_FILE = """
import json, resource, sqlite3, sys

from everlake.catalog.sqlite_errors import classify

database = sqlite3.connect(sys.argv[1], isolation_level=None)
resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, 8_192))
try:
    database.execute("CREATE TABLE u AS SELECT * FROM t")
except sqlite3.Error as error:
    print(json.dumps([error.sqlite_errorname, str(classify(error))]))
"""


def test_an_error_of_the_disk_is_unavailable(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WRITE_TO_A_LIMITED_FILE, str(filled(tmp_path / "db"))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    name, message = json.loads(done.stdout)
    assert name == "SQLITE_IOERR_WRITE"
    assert "input or output error" in message


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT * FROM missing", "SQLITE_ERROR"),
        ("SELEC", "SQLITE_ERROR"),
        ("INSERT INTO k VALUES (1), (1)", "SQLITE_CONSTRAINT"),
        ("INSERT INTO k VALUES ('a')", "SQLITE_MISMATCH"),
    ],
)
def test_a_mistake_of_the_program_is_left_as_it_is(
    tmp_path: Path, statement: str, code: str
) -> None:
    with closing(connect(tmp_path / "db")) as database:
        database.execute("CREATE TABLE k (id INTEGER PRIMARY KEY)")
        with pytest.raises(sqlite3.Error) as raised:
            database.execute(statement)
    assert raised.value.sqlite_errorname.startswith(code)
    assert classify(raised.value) is None
    assert not is_busy(raised.value)


def test_an_error_that_sqlalchemy_wraps_is_the_same(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{filled(tmp_path / 'db')}")
    with engine.connect() as connection:
        connection.execute(text("PRAGMA query_only=ON"))
        with pytest.raises(DBAPIError) as raised:
            connection.execute(text("INSERT INTO t VALUES ('a')"))
    engine.dispose()
    assert "cannot be written to" in str(classify(raised.value))
