"""PostgreSQL server for tests, on a free port."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from everlake.catalog.opening import open_catalog
from tests.support.server import free_port

_UP_SECONDS = 30.0
_NUMBERS = count()


class PostgresServer:
    """A PostgreSQL server with an empty data directory; :meth:`start` starts it.

    Args:
        folder: for its data and its log; it is not deleted.
        settings: additional settings of the server.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._settings = settings or {}
        self._programs = _programs()
        self._folder = folder
        self._data = folder / "pgdata"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._migrated: str | None = None
        self._user = _unprivileged(folder)
        self._run("initdb", "-D", self._data, "-U", "everlake", "-A", "trust", "--no-sync")

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._folder,
            "max_connections": 200,
            **self._settings,
        }
        settings = [f"--{name}={value}" for name, value in options.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *settings],
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self._user,
            )
        deadline = time.monotonic() + _UP_SECONDS
        while True:
            try:
                return self._connect("postgres").close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError((self._folder / "log").read_text()[-2_000:]) from None
                time.sleep(0.05)

    @property
    def pid(self) -> int | None:
        """Process id while the server runs."""
        return None if self._process is None else self._process.pid

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server: with a fast shutdown, or without writing anything, as in a crash."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
            self._process.wait()
            self._process = None

    def new_catalog(self) -> str:
        """Create a database with the newest schema of the catalog, and return its URL."""
        if self._migrated is None:
            self._migrated = self.new_database()
            catalog = open_catalog(self._migrated)
            catalog.upgrade()
            catalog.close()
        return self.new_database(like=self._migrated)

    def new_database(self, like: str | None = None) -> str:
        """Create a database, and return its URL.

        Args:
            like: URL of a database without connections to copy; None for an empty one.
        """
        name = f"test_{next(_NUMBERS)}"
        template = "template1" if like is None else like.rpartition("/")[2]
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with self._connect("postgres") as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return f"postgresql://everlake@127.0.0.1:{self.port}/{name}"

    def allow(self, user: str, method: str) -> None:
        """Set the authentication method of a user (pg_hba.conf)."""
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"host all {user} 127.0.0.1/32 {method}\n{rules.read_text()}")
        with self._connect("postgres") as connection:
            connection.execute("SELECT pg_reload_conf()")

    def cut_connections(self) -> int:
        """Terminate all other connections, and return how many."""
        with self._connect("postgres") as connection:
            cut = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchone()
        assert cut is not None
        return int(cut[0])

    def cut_one_by_one(self, pause: float) -> int:
        """Terminate the present connections with ``pause`` seconds after each; return how many."""
        with self._connect("postgres") as connection:
            pids = connection.execute(
                "SELECT pid FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchall()
            for row in pids:
                connection.execute("SELECT pg_terminate_backend(%s)", row)
                time.sleep(pause)
        return len(pids)

    def _connect(self, database: str) -> "psycopg.Connection[tuple[Any, ...]]":
        url = f"postgresql://everlake@127.0.0.1:{self.port}/{database}"
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            check=False,
            capture_output=True,
            text=True,
            user=self._user,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def running_postgres(
    folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[PostgresServer]:
    """Run a server for the length of a block."""
    server = PostgresServer(folder, settings)
    server.start()
    try:
        yield server
    finally:
        server.stop(immediate=True)


def _programs() -> Path:
    """Return the directory of initdb and postgres, which distributions do not put on the path."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        places.insert(0, Path(found).resolve().parent)
    for place in places:
        if (place / "postgres").exists():
            return place
    pytest.skip("PostgreSQL's server is not installed: tests of many machines need it")


def _unprivileged(folder: Path) -> str | None:
    """Return the user to run PostgreSQL as, which may not be root and must own ``folder``."""
    if os.geteuid() != 0:
        return None
    user = "postgres"
    try:
        pwd.getpwnam(user)
    except KeyError:
        user = "nobody"
    os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    for parent in folder.parents:  # pytest keeps its directories to their owner
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    return user
