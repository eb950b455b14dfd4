"""The database crashes, cuts its connections and stays away, under load.

Clients see 503 with Retry-After or no answer, never anything else, and when the database is there
again everything goes on by itself.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.chaos_settings import ROUNDS, ROUNDS_IN_CI, SEED, scaled
from tests.faults.clients import check_unavailable
from tests.faults.ledger import SentRecord, body_of
from tests.faults.nodes import Nodes, running_nodes
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.processes import wait_until

CRASHES = scaled(1)
WORKERS = 3 if ROUNDS > ROUNDS_IN_CI else 2
AWAY_SECONDS = 60.0 if ROUNDS > ROUNDS_IN_CI else 3.0
_CUT_PAUSE = 0.03


@pytest.fixture
def database(tmp_path: Path) -> Iterator[PostgresServer]:
    """A server of this test's own, which it may mistreat."""
    folder = tmp_path / "postgresql"
    folder.mkdir()
    with running_postgres(folder) as server:
        yield server


def post(url: str, nodes: Nodes) -> httpx.Response:
    """One request without a second try."""
    headers = {"x-api-key": nodes.setup["api_key"], "content-type": "application/json"}
    body = body_of([SentRecord("never", "never", '{"text":"never"}')])
    return httpx.post(
        f"{url}/api/v1/ingest", content=body, headers=headers, timeout=30, trust_env=False
    )


def go_on(nodes: Nodes) -> None:
    """Return when batches come in and come to their end again."""
    nodes.wait_for_more("nothing is accepted any more", 10)
    done = nodes.complete()
    wait_until(lambda: nodes.complete() > done, "no batch completes any more")
    assert nodes.broken_promises() == []


@pytest.mark.timeout(180 + 20 * CRASHES + 3 * AWAY_SECONDS)
def test_everything_goes_on_by_itself_after_the_database_was_away(
    database: PostgresServer, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    with running_nodes(tmp_path, database.new_database(), 2, WORKERS) as nodes:
        clients = nodes.clients(SEED)
        clients.start()
        try:
            for _ in range(CRASHES):
                nodes.wait_for_more("nothing is accepted")
                time.sleep(chance.uniform(0, 1))
                database.stop(immediate=True)
                database.start()
                go_on(nodes)
                assert database.cut_one_by_one(_CUT_PAUSE) > 0
                go_on(nodes)

            database.stop(immediate=True)
            until_back = time.monotonic() + AWAY_SECONDS
            while time.monotonic() < until_back:
                for url in nodes.urls:
                    check_unavailable(post(url, nodes))
                    assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 503
                    assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
                time.sleep(0.5)
            database.start()
            go_on(nodes)
            for url in nodes.urls:
                assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
            nodes.check_at_the_end(clients)
        finally:
            clients.stop()
