"""Processes are killed at random moments under load, and nothing that was promised is lost.

One data directory lives through all rounds. Each round kills something else: one API process or
all, the worker, these together, their parent, everything at once, a worker at its upkeep, or a
rebuild and the worker beside it. Some rounds wait until work gets done, so that the kill has
something to hit; the others do not, and so hit what is just starting. The catalog's promises are
looked at after every kill, and everything in the end: as the rounds left it, and when the lake
has been deleted and rebuilt, through kills.

More rounds, and others: ``make test-faults ROUNDS=300 SEED=7``. The same seed gives the same kills,
pauses and records in the same order; how far each process has come by then is the machine's.
"""

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from everlake.contract.batches import BatchStatus
from tests.faults.batch_counts import BatchCounts
from tests.faults.chaos_settings import ROUNDS, SEED
from tests.faults.checker import problems, promise_problems
from tests.faults.clients import Clients
from tests.faults.ledger import PRODUCT, PROJECT, Ledger
from tests.faults.recording import BUSY
from tests.support.processes import child_processes, kill, kill_tree, pid_of, wait_until
from tests.support.server import (
    ApiClient,
    EverlakeServer,
    environment,
    run_everlake,
    run_everlake_json,
)

KINDS = (
    *("one api", "api", "worker", "api worker", "serve", "serve api worker"),
    *("upkeep", "rebuild"),
)
COUNTS = {"api": 2, "worker": 1}
SETTINGS = {**BUSY, "EVERLAKE_API_PROCESSES": "2"}
WITHOUT_WAITING = 0.4
"""The share of rounds that strike again at once, before any work was done."""


class Round(NamedTuple):
    """What to kill, and when: ``waits`` for a batch to end first, then so many seconds."""

    kind: str
    waits: bool
    pause: float


def schedule(chance: random.Random, rounds: int) -> Iterator[Round]:
    """Every kind as often, each time in another order; the first time all of them wait."""
    kinds = [
        kind for _ in range(0, rounds, len(KINDS)) for kind in chance.sample(KINDS, len(KINDS))
    ]
    for number, kind in enumerate(kinds[:rounds]):
        waits = number < len(KINDS) or chance.random() > WITHOUT_WAITING
        yield Round(kind, waits, chance.uniform(0, 1))


class Scene:
    """A server, its clients, and what kills it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        ids = ("--product-id", PRODUCT, "--project-id", PROJECT)
        self.setup = run_everlake_json("init", *ids, data=data)
        self.workspace_id: str = self.setup["workspace_id"]
        self.ledger = Ledger()
        self.server = EverlakeServer("serve", data, SETTINGS)
        self.counts = BatchCounts(data)

    def complete(self) -> int:
        """How many batches have come to their end."""
        return self.counts.count(BatchStatus.COMPLETE)

    def strike(self, kind: str) -> None:
        """Kill what a round is about, and see that it is started again."""
        if kind == "serve api worker":
            kill_tree(self.server)
            self.start_again()
        elif kind == "serve":
            kill(pid_of(self.server))
            self.start_again()
        elif kind == "one api":
            self.kill_children("api", most=1)
        elif kind == "upkeep":
            self.wait_for_upkeep()
            self.kill_children("worker")
        elif kind == "rebuild":
            with self.rebuilding() as process:
                time.sleep(2)
                kill(process.pid)
            self.kill_children("worker")
        else:
            self.kill_children(*kind.split())

    def kill_children(self, *roles: str, most: int | None = None) -> None:
        """Kill children of these roles, or the first of them, and wait for others in their place.

        There may be none, where the last kill was a moment ago.
        """
        before = child_processes(self.server)
        killed = [pid for role in roles for pid in before.get(role, [])][:most]
        for pid in killed:
            kill(pid)

        def there_again() -> bool:
            now = child_processes(self.server)
            return all(len({*now.get(role, [])} - {*killed}) >= COUNTS[role] for role in roles)

        wait_until(there_again, f"{roles} are not started again")

    def start_again(self) -> None:
        """As a service manager does; what the killed one left behind may hold the port yet."""
        assert self.server.process is not None
        self.server.process.wait()

        def started() -> bool:
            try:
                self.server.start()
            except AssertionError:
                return False
            return True

        wait_until(started, f"it does not start again: {self.server.log()[-2_000:]}")

    def wait_for_upkeep(self) -> None:
        """Return when an index is being written, or nothing is worth it for a while."""
        before = self.indices()
        deadline = time.monotonic() + 5
        while self.indices() <= before and time.monotonic() < deadline:
            time.sleep(0.002)

    def indices(self) -> set[Path]:
        return set((self.data / "lake").glob("workspace=*/*.lance/_indices/*/*"))

    @contextmanager
    def rebuilding(self) -> Iterator[subprocess.Popen[bytes]]:
        """``lake rebuild`` under way."""
        process = subprocess.Popen(
            [sys.executable, "-m", "everlake", "lake", "rebuild"],
            env=environment(self.data),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            kill(process.pid)
            process.wait()


@pytest.mark.timeout(300 + 30 * ROUNDS)
def test_nothing_that_was_promised_is_lost_when_processes_are_killed(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    scene = Scene(tmp_path)
    scene.server.start()
    clients = Clients(scene.server.url, scene.setup["api_key"], scene.ledger, SEED)
    clients.start()
    try:
        for now in schedule(chance, ROUNDS):
            if now.waits:
                done = scene.complete()
                wait_until(lambda done=done: scene.complete() > done, "no batch completes")
            time.sleep(now.pause)
            scene.strike(now.kind)
            assert promise_problems(tmp_path, scene.workspace_id, scene.ledger) == []
        clients.stop()
        assert clients.errors == []
        wait_until(lambda: scene.counts.unfinished() == 0, "batches wait for ever")
        api = ApiClient(scene.server.url, scene.setup)
        assert problems(tmp_path, scene.workspace_id, scene.ledger, api) == []
        assert scene.server.stop() == 0
        assert len(scene.ledger.batches) > 5 * ROUNDS

        rebuild_through_kills(scene, chance)
        assert problems(tmp_path, scene.workspace_id, scene.ledger) == []
        assert json.loads(run_everlake("lake", "verify", "--json", data=tmp_path).stdout)["ok"]
    finally:
        clients.stop()
        scene.server.kill()
        scene.counts.close()


def rebuild_through_kills(scene: Scene, chance: random.Random) -> None:
    """Delete the lake and make it again, though whoever does it is killed a few times."""
    shutil.rmtree(scene.data / "lake")
    for _ in range(3):
        with scene.rebuilding() as process:
            time.sleep(chance.uniform(1, 4))
            kill(process.pid)
    run_everlake("lake", "rebuild", data=scene.data)
