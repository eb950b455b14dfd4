"""Two workers meet at one workspace's tables on purpose, and no record is doubled.

The one that writes is stopped: in a merge, while it holds the tables' lock, or before one, with
batches in its hands. Its leases are made to run out, or are taken from it by force. Another goes
on. Then the first is woken, and goes on as well, without knowing.

In a bucket there are no locks: it is stopped anywhere, with batches in its hands, and the other
always goes on.
"""

import json
import random
import signal
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import select

from everlake.catalog import batch_queue, leases, table_definitions
from tests.faults.chaos_settings import SEED, scaled
from tests.faults.nodes import Node, Nodes, running_nodes
from tests.support.postgres import PostgresServer
from tests.support.processes import pid_of, wait_until
from tests.support.s3 import S3Server

MEETINGS = scaled(2)
_STAGES = ("land", "analyse")
_LONG = 60_000


class Scene:
    """Nodes, and who of their workers writes."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.lease = f"lake/{nodes.workspace_id}"
        self.tables = nodes.storage / "lake" / f"workspace={nodes.workspace_id}"
        self.has_locks = nodes.url.startswith("file:")

    def owner(self) -> str | None:
        """The name of the worker that has the lease of the tables."""
        statement = select(table_definitions.leases.c.owner).where(
            table_definitions.leases.c.name == self.lease
        )
        with self.nodes.catalog() as catalog, catalog.autocommit() as tx:
            return tx.execute(statement).scalar()

    def writer(self) -> tuple[Node, str]:
        """The worker that has the lease, and its name."""
        wait_until(lambda: self._writer() is not None, "nobody writes")
        found = self._writer()
        assert found is not None
        return found

    def _writer(self) -> tuple[Node, str] | None:
        owner = self.owner()
        for node in self.nodes.workers:
            if owner is not None and f"-{pid_of(node)}-" in owner:
                return node, owner
        return None

    def writes(self, node: Node) -> set[str]:
        """The tables whose locks the process holds (proc(5), locks)."""
        held = [
            line
            for line in Path("/proc/locks").read_text().splitlines()
            if "FLOCK" in line and f" {pid_of(node)} " in line
        ]
        return {
            table.stem
            for table in self.tables.glob("*.lance")
            if any(f":{table.stat().st_ino} " in line for line in held)
        }

    def is_there(self, node: Node, *, in_a_merge: bool) -> bool:
        """Whether it is in a merge of records; or else, whether it writes no table at all."""
        if not self.has_locks:
            return True
        return "records" in self.writes(node) if in_a_merge else not self.writes(node)

    def in_hand(self, owner: str) -> int:
        """How many batches the worker has claimed to land."""
        statement = select(table_definitions.batches.c.id).where(
            table_definitions.batches.c.lease_owner == f"{owner}/land"
        )
        with self.nodes.catalog() as catalog, catalog.autocommit() as tx:
            return len(tx.execute(statement).all())

    def stop(self, *, in_a_merge: bool) -> tuple[Node, str]:
        """Stop the writer, with batches in its hands, where it is to be stopped."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            node, owner = self.writer()
            wait_until(
                lambda node=node: self.is_there(node, in_a_merge=in_a_merge),
                "it does not come to it",
            )
            node.send(signal.SIGSTOP)
            if self.is_there(node, in_a_merge=in_a_merge) and self.in_hand(owner):
                return node, owner
            node.send(signal.SIGCONT)
        raise AssertionError("it could not be stopped there")

    def take_from(self, owner: str, *, by_force_for: str | None) -> None:
        """Let the stopped one's leases run out, or give that of the tables to another."""
        with self.nodes.catalog() as catalog, catalog.transaction() as tx:
            now = catalog.now_ms()
            batch_queue.expire_leases(tx, [f"{owner}/{stage}" for stage in _STAGES], now=now)
            if by_force_for is None:
                leases.expire_all(tx, owner, now=now)
            else:
                leases.seize(tx, self.lease, owner=by_force_for, now=now, ttl_ms=_LONG)


def ways(chance: random.Random) -> Iterator[tuple[bool, bool]]:
    """Stopped in a merge or not, and its lease taken by force or not: each as often."""
    while True:
        yield from chance.sample([(True, False), (False, True), (True, True), (False, False)], 4)


def name_of(node: Node) -> str:
    """The name under which a worker holds its leases."""
    said = [json.loads(line) for line in node.log().splitlines()]
    return next(line["worker"] for line in reversed(said) if line["event"] == "worker started")


def noticed(node: Node) -> int:
    """Count how often a worker noticed that it had lost a claim or a lease."""
    return node.log().count("lost claims") + node.log().count('"postponed"')


def meet(scene: Scene, *, in_a_merge: bool, by_force: bool) -> None:
    """Stop the writer, let another go on, and wake the first."""
    node, owner = scene.stop(in_a_merge=in_a_merge)
    before = noticed(node)
    held = scene.in_hand(owner)
    try:
        others = [name_of(one) for one in scene.nodes.workers if one is not node]
        scene.take_from(owner, by_force_for=others[0] if by_force else None)
        wait_until(lambda: scene.owner() in others, "no other takes the lease")
        # One at a time, since a worker seems to have died of them; and while the tables' lock
        # is held, not even that one is done.
        wait_until(lambda: scene.in_hand(owner) < held, "no other takes the batches")
        if not (in_a_merge and scene.has_locks):
            done = scene.nodes.complete()
            wait_until(lambda: scene.nodes.complete() > done, "no other goes on")
    finally:
        node.send(signal.SIGCONT)
    wait_until(lambda: noticed(node) > before, "it has not noticed")
    scene.nodes.wait_for_more("nothing is accepted", 5)
    assert scene.nodes.broken_promises() == []


@pytest.mark.parametrize("storage", ["directory", "bucket"])
@pytest.mark.timeout(120 + 60 * MEETINGS)
def test_a_writer_that_is_woken_after_another_went_on_doubles_no_record(
    postgres_server: PostgresServer, s3_server: S3Server, tmp_path: Path, storage: str
) -> None:
    chance = random.Random(SEED)
    bucket = s3_server if storage == "bucket" else None
    with running_nodes(tmp_path, postgres_server.new_database(), 2, 2, bucket=bucket) as nodes:
        scene = Scene(nodes)
        clients = nodes.clients(SEED)
        clients.start()
        try:
            nodes.wait_for_more("nothing is accepted", 5)
            for in_a_merge, by_force in islice(ways(chance), MEETINGS):
                meet(scene, in_a_merge=in_a_merge, by_force=by_force)
            nodes.check_at_the_end(clients)
        finally:
            clients.stop()
