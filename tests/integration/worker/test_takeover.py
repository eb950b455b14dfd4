"""A worker that is killed, and the one that goes on with its work."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from everlake.lake.writer_leases import WriterLeases
from everlake.runtime.liveness import LivenessLock
from everlake.settings import settings_from
from everlake.worker.service import Worker
from tests.support.server import environment
from tests.support.worker_fixture import WorkerFixture, record

HOLDING = """
import sys, time
from pathlib import Path
import msgspec
from everlake.settings import settings_from
from everlake.worker.service import Worker
from everlake.worker.stage_runner import StageRunner

def hang(self, group):
    self._writer_leases.acquire(group[0].workspace_id)
    print("at work", flush=True)
    time.sleep(600)

StageRunner._process = hang
Worker(settings_from({"data": sys.argv[1]})).run()
"""
"""The real worker, save that its steps never end."""


@contextmanager
def worker_at_work(data: Path) -> Iterator[subprocess.Popen[str]]:
    """A worker's process that has claimed what there was."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(data)],
        env=environment(data),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        # Its log lines come on the same stream before it is set up otherwise.
        assert any("at work" in line for line in process.stdout)
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def working(data: Path) -> Iterator[Worker]:
    """A worker in a thread of this process."""
    worker = Worker(settings_from({"data": str(data), "lease_seconds": 600}))
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join()


def until_complete(home: WorkerFixture, batch_id: str) -> None:
    deadline = time.monotonic() + 60
    while home.statuses(batch_id) != ["COMPLETE"]:
        assert time.monotonic() < deadline, home.batch(batch_id)
        time.sleep(0.02)


def test_a_worker_that_starts_takes_over_what_a_killed_one_held(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a", "kept"))
    with worker_at_work(home.data) as dying:
        held = home.batch(batch_id)
        assert held.lease_owner is not None
        dying.send_signal(signal.SIGKILL)
        dying.wait()

        # Its leases would hold for half a minute yet, and those of the new one for ten.
        with working(home.data):
            until_complete(home, batch_id)

    assert home.texts() == ["kept"]
    assert list(Path(home.data / "workers").iterdir()) == []


def test_a_worker_that_lives_keeps_what_it_holds(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a"))
    with worker_at_work(home.data) as alive:
        held = home.batch(batch_id)
        fresh = LivenessLock(home.data)
        assert list(fresh.dead_workers()) == []
        fresh.release()

        assert alive.poll() is None
        # It may have renewed its lease meanwhile.
        now = home.batch(batch_id)
        assert now.due_at >= held.due_at
        assert msgspec.structs.replace(now, due_at=held.due_at) == held


def test_a_worker_that_stops_in_good_order_leaves_nothing_behind(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a"))
    with working(home.data):
        until_complete(home, batch_id)

    assert list(Path(home.data / "workers").iterdir()) == []
    # The right to write is free at once.
    home.writer_leases("other").acquire(home.workspace_id)


def test_the_right_to_write_is_of_one_worker_at_a_time(home: WorkerFixture) -> None:
    one, other = home.writer_leases("one"), home.writer_leases("other")
    one.acquire(home.workspace_id)

    assert one.held_workspaces() == [home.workspace_id]
    with pytest.raises(Exception, match=home.workspace_id):
        other.acquire(home.workspace_id)
    assert other.held_workspaces() == []

    one.release_all()
    other.acquire(home.workspace_id)
    assert one.held_workspaces() == []
    assert other.held_workspaces() == [home.workspace_id]


def test_who_lost_the_right_to_write_forgets_it_when_it_renews(home: WorkerFixture) -> None:
    one = WriterLeases(home.catalog, "one", 1)
    one.acquire(home.workspace_id)
    time.sleep(0.005)
    home.writer_leases("other").acquire(home.workspace_id)

    one.renew()

    assert one.held_workspaces() == []
