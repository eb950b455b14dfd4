"""One node's clock is five minutes off, and nobody can tell.

Leases, waits and batch ids go by the database's clock. The clocks are turned by libfaketime, for
one API node and one worker.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.chaos_settings import ROUNDS, ROUNDS_IN_CI, SEED
from tests.faults.nodes import Node, running_nodes
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until

OFF = ("+300s", "-300s") if ROUNDS > ROUNDS_IN_CI else ("+300s",)
BATCHES = 20
_FAR = timedelta(seconds=200)

_SLEEP = """
# libfaketime 0.9.10 knows no clock_nanosleep(2) to a moment, by which time.sleep waits.
import threading, time
time.sleep = lambda seconds: threading.Event().wait(seconds)
"""


def turned(offset: str, folder: Path) -> Mapping[str, str]:
    """The environment of a process whose clock is off; how long it waits is not."""
    found = sorted(Path("/usr").glob("lib*/**/faketime/libfaketime.so.1"))
    if not found:
        pytest.skip("libfaketime is not installed: it is in Debian's package faketime")
    (folder / "sitecustomize.py").write_text(_SLEEP)
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": str(folder),
    }


def is_far_off(node: Node, now: datetime) -> bool:
    """Whether the node's log says so."""
    first = json.loads(node.log().splitlines()[0])
    return abs(datetime.fromisoformat(first["timestamp"]) - now) > _FAR


@pytest.mark.parametrize("offset", OFF)
def test_a_node_with_a_wrong_clock_is_no_different_from_the_others(
    offset: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    started = datetime.now(UTC)
    off = turned(offset, tmp_path)
    extra = {"api-1": off, "worker-1": off}
    with running_nodes(tmp_path, postgres_server.new_database(), 2, 2, extra) as nodes:
        clients = nodes.clients(SEED)
        clients.start()
        try:
            nodes.wait_for_more("nothing is accepted", BATCHES)
            # Now the one with the wrong clock has the workspace, and takes it from one that died.
            nodes.workers[0].kill()
            done = nodes.complete()
            wait_until(lambda: nodes.complete() > done, "no batch completes")
            nodes.workers[0].start()
            nodes.wait_for_more("nothing is accepted", BATCHES)
            nodes.check_at_the_end(clients)
        finally:
            clients.stop()
        assert [is_far_off(node, started) for node in nodes.apis] == [False, True]
        assert [is_far_off(node, started) for node in nodes.workers] == [False, True]

        ended = datetime.now(UTC)
        made = [datetime.fromtimestamp(row.created_at / 1000, UTC) for row in nodes.rows()]
        assert all(started - _FAR < at < ended + _FAR for at in made)
        used = [key.last_used_at for key in nodes.api_keys()]
        assert all(at is not None and at / 1000 < (ended + _FAR).timestamp() for at in used)
        assert not any("lost claims" in node.log() for node in nodes.workers)
