"""Nodes are killed and stopped at random moments under load, and nothing promised is lost.

Two API nodes and three workers share a database. In each round one or two of them are killed and
started again, or stand still for a while: shorter than a lease, or longer, so that others take
over and the one that goes on has lost what it holds.

More rounds, and others: ``make test-faults ROUNDS=300 SEED=7``.
"""

import random
import signal
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.chaos_settings import SEED, scaled
from tests.faults.nodes import Node, running_nodes
from tests.support.postgres import PostgresServer
from tests.support.s3 import S3Server

ROUNDS = scaled(4)
SHORT, LONG = 0.3, 3.5
"""Seconds to stand still: well within a lease, and well beyond it."""


class Round(NamedTuple):
    """Which nodes it strikes, by their place among all, and how long they stand; 0 is a kill."""

    nodes: list[int]
    still: float
    pause: float


def schedule(chance: random.Random, rounds: int, nodes: int) -> Iterator[Round]:
    """Kills and stops in equal parts, each time in another order."""
    kinds = (0.0, 0.0, SHORT, LONG)
    turns = (still for _ in count() for still in chance.sample(kinds, len(kinds)))
    for still in islice(turns, rounds):
        struck = chance.sample(range(nodes), chance.choice((1, 1, 2)))
        yield Round(struck, still, chance.uniform(0, 0.7))


def strike(nodes: list[Node], still: float) -> None:
    """Kill the nodes and start them again; or let them stand still for so many seconds."""
    if not still:
        for node in nodes:
            node.kill()
        for node in nodes:
            node.start()
        return
    for node in nodes:
        node.send(signal.SIGSTOP)
    time.sleep(still)
    for node in nodes:
        node.send(signal.SIGCONT)


@pytest.mark.parametrize("storage", ["directory", "bucket"])
@pytest.mark.timeout(180 + 15 * ROUNDS)
def test_nothing_that_was_promised_is_lost_when_nodes_are_killed_and_stopped(
    postgres_server: PostgresServer, s3_server: S3Server, tmp_path: Path, storage: str
) -> None:
    chance = random.Random(SEED)
    bucket = s3_server if storage == "bucket" else None
    with running_nodes(tmp_path, postgres_server.new_database(), bucket=bucket) as nodes:
        clients = nodes.clients(SEED)
        clients.start()
        try:
            for now in schedule(chance, ROUNDS, len(nodes.all)):
                nodes.wait_for_more("nothing is accepted")
                time.sleep(now.pause)
                strike([nodes.all[place] for place in now.nodes], now.still)
                assert nodes.broken_promises() == []
            nodes.check_at_the_end(clients)
        finally:
            clients.stop()
