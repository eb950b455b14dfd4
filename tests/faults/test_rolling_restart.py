"""All nodes are replaced one by one while clients send, and no client sees anything of it."""

from pathlib import Path

import httpx
import pytest

from tests.faults.chaos_settings import ROUNDS, ROUNDS_IN_CI, SEED, scaled
from tests.faults.nodes import Nodes, running_nodes
from tests.support.load_balancer import load_balancer
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until

TURNS = scaled(1)
WORKERS = 3 if ROUNDS > ROUNDS_IN_CI else 2


def is_ready(url: str) -> bool:
    return httpx.get(f"{url}/readyz", trust_env=False, timeout=10).status_code == 200


def replace_every_node(nodes: Nodes) -> None:
    """One after the other ends in good order, and is there again before the next one ends."""
    for node in nodes.all:
        nodes.wait_for_more("nothing is accepted", 5)
        assert node.stop() == 0, node.log()[-2_000:]
        nodes.wait_for_more("nothing is accepted without one node", 5)
        node.start()
        if node in nodes.apis:
            wait_until(lambda url=node.url: is_ready(url), "it does not become ready")
    done = nodes.complete()
    wait_until(lambda: nodes.complete() > done, "no batch completes")


@pytest.mark.timeout(120 + 60 * TURNS)
def test_no_request_fails_while_all_nodes_are_replaced_one_by_one(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    with (
        running_nodes(tmp_path, postgres_server.new_database(), 2, WORKERS) as nodes,
        load_balancer(nodes.urls) as proxy,
    ):
        clients = nodes.clients(SEED, proxy.url)
        clients.start()
        try:
            for _ in range(TURNS):
                replace_every_node(nodes)
                assert clients.errors == []
            assert proxy.again.keys() <= {
                *("ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError"),
                "RemoteDisconnected",
            }
            nodes.check_at_the_end(clients)
        finally:
            clients.stop()
