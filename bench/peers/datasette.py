"""Datasette's JSON API: upserts into one table of a SQLite file.

As its documentation has it for writing much: a root token, ``/-/upsert`` with ``return: false``
(nothing is read back), ``max_insert_rows`` and ``max_post_body_bytes`` raised to what is sent.
The database is as Datasette finds it: a rollback journal and ``synchronous=FULL``, so an answer is
durable and its rows can be read. The write-ahead log was tried and is no faster here.
"""

import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import msgspec

from bench.bodies import RECORDS
from bench.processes import serving_peer
from tests.support.server import free_port

_SECRET = "bench"  # noqa: S105 - of a server that lives for seconds
_COLUMNS = (
    "id text primary key, type text, schema_version text, event_at text, vendor_ids text, "
    "product_id text, project_ids text, thread_id text, participants text, tags text, data text"
)
_MOST_BODY = 16 * 1024 * 1024


class Datasette(msgspec.Struct, frozen=True):
    """Where the running server takes rows, and its database."""

    port: int
    path: str
    headers: dict[str, str]
    database: Path

    def count(self) -> int:
        """How many rows the table has."""
        connection = sqlite3.connect(self.database)
        try:
            return connection.execute("select count(*) from records").fetchone()[0]
        finally:
            connection.close()


@contextmanager
def datasette(directory: Path) -> Generator[Datasette]:
    """A Datasette over a new database in ``directory``."""
    database = directory / "bench.db"
    connection = sqlite3.connect(database)
    connection.execute(f"create table records ({_COLUMNS})")
    connection.close()
    port = free_port()
    command = ["-m", "datasette", "serve", str(database), "--port", str(port), "--root"]
    command += ["--secret", _SECRET, "--setting", "max_insert_rows", str(RECORDS)]
    command += ["--setting", "max_post_body_bytes", str(_MOST_BODY)]
    with serving_peer(command, port, directory):
        headers = {"authorization": f"Bearer {_token()}", "content-type": "application/json"}
        yield Datasette(port, "/bench/records/-/upsert", headers, database)
    database.unlink()


@cache
def _token() -> str:
    command = [sys.executable, "-m", "datasette", "create-token", "root", "--secret", _SECRET]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
