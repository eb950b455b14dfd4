"""What a load costs its parts: processor time, statements, bytes, requests to the bucket."""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql

from tests.support.postgres import PostgresServer
from tests.support.processes import pid_of, process_tree, processes_by_role
from tests.support.s3 import S3Server
from tests.support.server import EverlakeServer

OBSERVER_ROLE = "watcher"
"""The database user that looks on, so that its own statements can be left out."""

_STATEMENT_QUERY = """
SELECT coalesce(sum(calls), 0), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')
FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
WHERE r.rolname = 'everlake' AND s.dbid = (SELECT oid FROM pg_database WHERE datname = %s)
"""
_SIZE_QUERY = """
SELECT pg_table_size({name}), pg_indexes_size({name}), (SELECT count(*) FROM {table})
"""
_SENT = re.compile(r"bytes_sent:(\d+)")
_RECEIVED = re.compile(r"bytes_received:(\d+)")
_SEGMENTS = re.compile(r"data_segs_out:(\d+)")
_REQUEST = re.compile(r'"(GET|PUT|POST|DELETE|HEAD) /[^/?]+(?:/([^/? ]+))?[^"]* HTTP')


class CpuUsage(msgspec.Struct, frozen=True):
    """Processor seconds so far, by part."""

    by_part: dict[str, float]

    def since(self, before: "CpuUsage") -> dict[str, float]:
        """What was spent since then."""
        return {part: value - before.by_part.get(part, 0.0) for part, value in self.by_part.items()}


def cpu_usage(
    servers: Sequence[EverlakeServer], database: PostgresServer | None, bucket: S3Server | None
) -> CpuUsage:
    """What every part's processes have spent, those that have ended below them included."""
    parts = processes_by_role(pid for one in servers for pid in process_tree(pid_of(one)))
    for name, server in (("PostgreSQL", database), ("S3", bucket)):
        if server is not None and server.pid is not None:
            parts[name] = process_tree(server.pid)
    return CpuUsage({name: sum(map(_seconds, pids)) for name, pids in parts.items()})


def _seconds(pid: int) -> float:
    """A process's and its ended children's: a database's connection is a child that may end."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # it has ended just now
        return 0.0
    fields = text.rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


class DatabaseTraffic(msgspec.Struct, frozen=True):
    """What a database was asked so far.

    ``statements`` are those that it carried out, ``turns`` the packets that clients sent it with
    something in them (each waits for an answer, so they are the round trips), ``sent`` and
    ``received`` the clients' bytes over the connections that are open, and ``wal`` the bytes of
    its log. ``turns`` and bytes are 0 without the program ``ss``.
    """

    statements: int = 0
    turns: int = 0
    sent: int = 0
    received: int = 0
    wal: int = 0

    def per_batch_since(self, before: "DatabaseTraffic", batches: int) -> dict[str, float]:
        """Each figure's growth, divided by so many batches."""
        return {
            name: (getattr(self, name) - getattr(before, name)) / batches
            for name in self.__struct_fields__
        }


class DatabaseObserver:
    """Looks at one database of a server, as a user of its own.

    Args:
        server: where it is.
        url: of the database, as its user has it.
    """

    def __init__(self, server: PostgresServer, url: str) -> None:
        self._port = server.port
        self._name = url.rpartition("/")[2]
        self.url = url.replace("everlake@", f"{OBSERVER_ROLE}@")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            found = connection.execute(
                "SELECT 1 FROM pg_roles WHERE rolname = %s", (OBSERVER_ROLE,)
            )
            if found.fetchone() is None:
                made = sql.SQL("CREATE ROLE {} SUPERUSER LOGIN").format(
                    sql.Identifier(OBSERVER_ROLE)
                )
                connection.execute(made)

    def traffic(self) -> DatabaseTraffic:
        """What it was asked so far."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(_STATEMENT_QUERY, (self._name,)).fetchone()
        assert row is not None
        text = _socket_statistics(self._port)
        return DatabaseTraffic(
            statements=int(row[0]),
            turns=_sum(_SEGMENTS, text),
            sent=_sum(_SENT, text),
            received=_sum(_RECEIVED, text),
            wal=int(row[1]),
        )

    def connections(self) -> int:
        """How many the program has open."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'everlake' AND datname = %s"
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(query, (self._name,)).fetchone()
        assert row is not None
        return int(row[0])

    def row_bytes(self, table: str, *, after_vacuum: bool = False) -> tuple[float, float]:
        """Bytes a row of a table and of its indices; ``after_vacuum`` first rewrites them."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            if after_vacuum:
                connection.execute(sql.SQL("VACUUM FULL {}").format(sql.Identifier(table)))
            names = {"name": sql.Literal(table), "table": sql.Identifier(table)}
            row = connection.execute(sql.SQL(_SIZE_QUERY).format(**names)).fetchone()
        assert row is not None
        rows = max(int(row[2]), 1)
        return row[0] / rows, row[1] / rows


def _socket_statistics(port: int) -> str:
    """What the kernel tells of the clients' ends of connections to a port."""
    program = shutil.which("ss")
    if program is None:
        return ""
    command = [program, "-tinH", "state", "established", f"( dport = :{port} )"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _sum(pattern: re.Pattern[str], text: str) -> int:
    return sum(map(int, pattern.findall(text)))


def bucket_requests(folder: Path) -> Counter[str]:
    """How many requests an S3 server in that folder has answered: ``PUT landing``, ``LIST``, ..."""
    found: Counter[str] = Counter()
    for method, room in _REQUEST.findall((folder / "s3.log").read_text(errors="replace")):
        if method == "GET" and not room:
            found["LIST"] += 1
        elif room and not room.startswith("."):  # that is a look whether the bucket is there
            found[f"{method} {room}"] += 1
    return found
