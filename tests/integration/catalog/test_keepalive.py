"""TCP keepalive of every connection to PostgreSQL."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until

TIMEOUT = 6.0


@pytest.fixture
def catalog(postgres_server: PostgresServer) -> Iterator[Catalog]:
    opened = open_catalog(postgres_server.new_database(), timeout=TIMEOUT)
    opened.upgrade()
    yield opened
    opened.close()


def connections(port: int) -> list[socket.socket]:
    """Return duplicates of this process's sockets that are connected to ``port``."""
    found: list[socket.socket] = []
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if not path.readlink().name.startswith("socket:"):
                continue
            copy = socket.socket(fileno=os.dup(int(path.name)))
            if copy.family == socket.AF_INET and copy.getpeername()[1] == port:
                found.append(copy)
            else:
                copy.close()
    return found


def test_pooled_and_listening_connections_have_keepalives(
    catalog: Catalog, postgres_server: PostgresServer
) -> None:
    before = catalog.change_counter()
    wait_until(lambda: catalog.change_counter() > before, "it listens")

    found = connections(postgres_server.port)

    assert len(found) >= 2
    for each in found:
        with each:
            assert each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            user_timeout = each.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            idle, interval, count = (
                each.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            )
            assert user_timeout == TIMEOUT * 1000
            assert idle + interval * count <= TIMEOUT
