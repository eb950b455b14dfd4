"""Processes are killed at random moments under load, and nothing that was promised is lost.

More rounds, and other moments, by hand: ``EVERLAKE_CHAOS_ROUNDS=100 EVERLAKE_CHAOS_SEED=7``.
"""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from everlake.catalog import batches
from everlake.catalog.engine import Catalog
from everlake.contract.batch import BatchStatus
from tests.faults.checker import problems
from tests.faults.clients import Clients
from tests.faults.ledger import PRODUCT, PROJECT, Ledger
from tests.integration.processes import children, kill, kill_tree
from tests.integration.server import FAST, Server, everlake

ROUNDS = int(os.environ.get("EVERLAKE_CHAOS_ROUNDS", "5"))
SEED = int(os.environ.get("EVERLAKE_CHAOS_SEED", "1"))
TARGETS = (("api",), ("worker",), ("api", "worker"), ("tree",))


def until(condition: Callable[[], bool], what: str, within: float = 90.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Counts:
    """How many batches are in each status, seen from beside the server."""

    def __init__(self, data: Path) -> None:
        self._catalog = Catalog.open(f"sqlite:///{data / 'everlake.db'}")

    def of(self, *statuses: BatchStatus) -> int:
        with self._catalog.read() as tx:
            counts = batches.counts_by_status(tx)
        return sum(counts[status] for status in statuses)

    def waiting(self) -> int:
        return self.of(BatchStatus.LANDING, BatchStatus.LANDED, BatchStatus.PROCESSING)

    def close(self) -> None:
        self._catalog.close()


def strike(server: Server, target: tuple[str, ...]) -> None:
    """Kill what the round is about, and see that it is running again."""
    if target == ("tree",):
        kill_tree(server)
        server.start()
        return
    before = children(server)
    for role in target:
        kill(before[role])
    until(
        lambda: all(children(server).get(role, before[role]) != before[role] for role in target),
        f"{target} is not started again",
    )


@pytest.mark.timeout(120 + 30 * ROUNDS)
def test_nothing_that_was_promised_is_lost_when_processes_are_killed(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    made = everlake("init", "--product-id", PRODUCT, "--project-id", PROJECT, data=tmp_path)
    setup = dict(line.split() for line in made.stdout.splitlines())
    ledger = Ledger()
    server = Server("serve", tmp_path, FAST)
    server.start()
    counts = Counts(tmp_path)
    clients = Clients(server.url, setup["api_key"], ledger, SEED)
    clients.start()
    try:
        for number in range(ROUNDS):
            done = counts.of(BatchStatus.COMPLETE)
            until(lambda done=done: counts.of(BatchStatus.COMPLETE) > done, "no batch completes")
            time.sleep(chance.uniform(0, 1))
            strike(server, TARGETS[number % len(TARGETS)])
        clients.stop()
        assert clients.errors == []
        until(lambda: counts.waiting() == 0, "batches wait for ever")
        assert problems(tmp_path, setup["workspace_id"], ledger) == []
    finally:
        clients.stop()
        server.stop()
        counts.close()
    assert len(ledger.batches) > 10 * ROUNDS
    assert problems(tmp_path, setup["workspace_id"], ledger) == []
