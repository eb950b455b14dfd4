"""Many nodes as they are on many machines: each has a data directory of its own.

They share a database and a storage, which holds the lake's tables too.
"""

import json
import os
import signal
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from everlake.catalog import api_keys, batch_scan
from everlake.catalog.api_keys import ApiKey
from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog
from everlake.contract.batches import BatchStatus
from everlake.model.batches import BatchRow
from tests.faults.batch_counts import BatchCounts
from tests.faults.checker import problems, promise_problems
from tests.faults.clients import Clients
from tests.faults.ledger import PRODUCT, PROJECT, Ledger
from tests.faults.recording import BUSY
from tests.support.processes import pid_of, wait_until
from tests.support.s3 import S3Server, s3_environment
from tests.support.server import ApiClient, EverlakeServer, run_everlake

SETTINGS = {**BUSY, "EVERLAKE_LEASE_SECONDS": "2"}
CLIENT_SECONDS = 3.0
"""Clients give up on a node that has not answered for so long, and ask another."""
FORBIDDEN = ("Traceback", "unexpected error", "step failed", "batch failed", "damaged")
"""No log may have a word of these, whatever happens to its node."""


class Node(EverlakeServer):
    """One process of the program, and what is its own alone.

    Args:
        role: ``api`` or ``worker``.
        name: of its folder and its log.
        folder: of all nodes.
        env: settings, where it has others than those it shares.
    """

    def __init__(self, role: str, name: str, folder: Path, env: Mapping[str, str]) -> None:
        own = folder / name
        own.mkdir()
        super().__init__(role, own, env)
        self.name = name

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        os.kill(pid_of(self), number)

    def start(self) -> None:
        """Start the process; return when it answers, or works."""
        working = self._working()
        super().start()
        if self.role == "worker":
            wait_until(lambda: self._working() > working, "it does not begin to work")

    def _working(self) -> int:
        return self.log().count('"worker started"') if self.log_path.exists() else 0


class Nodes:
    """API and worker nodes on one database and one storage, and what their clients were promised.

    Args:
        folder: of everything.
        database: the URL of an empty database.
        apis, workers: how many of each.
        extra: settings of single nodes, by the node's name.
        bucket: the server in a bucket of which the storage is; None for a directory.
    """

    def __init__(
        self,
        folder: Path,
        database: str,
        apis: int = 2,
        workers: int = 3,
        extra: Mapping[str, Mapping[str, str]] | None = None,
        bucket: S3Server | None = None,
    ) -> None:
        self.storage = folder / "storage"
        self.storage.mkdir()
        self.database = database
        self.url = f"s3://{bucket.new_bucket()}/a/lake" if bucket else self.storage.as_uri()
        shared = {
            **SETTINGS,
            **(s3_environment(bucket.url) if bucket else {}),
            "EVERLAKE_DATABASE_URL": database,
            "EVERLAKE_STORAGE_URL": self.url,
        }
        self._shared = shared
        ids = ("--product-id", PRODUCT, "--project-id", PROJECT, "--json")
        self.setup = json.loads(run_everlake("init", *ids, data=self.storage, env=shared).stdout)
        self.workspace_id: str = self.setup["workspace_id"]
        self.ledger = Ledger()

        def node(role: str, number: int) -> Node:
            name = f"{role}-{number}"
            return Node(role, name, folder, {**shared, **(extra or {}).get(name, {})})

        self.apis = [node("api", number) for number in range(apis)]
        self.workers = [node("worker", number) for number in range(workers)]
        self.counts = BatchCounts(database)

    @property
    def all(self) -> list[Node]:
        return [*self.apis, *self.workers]

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self.apis]

    def clients(self, seed: int, proxy: str | None = None) -> Clients:
        """Four clients that use every API node in turn; or a proxy, which has to hide all faults.

        Args:
            seed: decides what is sent.
            proxy: its URL.
        """
        key = self.setup["api_key"]
        if proxy is not None:
            return Clients(proxy, key, self.ledger, seed, timeout=60, only_202=True)
        return Clients(self.urls, key, self.ledger, seed, timeout=CLIENT_SECONDS)

    def complete(self) -> int:
        """How many batches have come to their end."""
        return self.counts.count(BatchStatus.COMPLETE)

    @contextmanager
    def catalog(self) -> Generator[Catalog]:
        """The catalog, seen from beside the nodes."""
        catalog = open_catalog(self.database)
        try:
            yield catalog
        finally:
            catalog.close()

    def rows(self) -> list[BatchRow]:
        """Every batch, by its sequence."""
        with self.catalog() as catalog:
            return list(batch_scan.scan(catalog, self.workspace_id))

    def api_keys(self) -> list[ApiKey]:
        """The workspace's keys."""
        with self.catalog() as catalog, catalog.snapshot() as tx:
            return api_keys.page(tx, self.workspace_id, limit=100)

    def wait_for_more(self, what: str, more: int = 1) -> None:
        """Return when so many further batches have got a 202."""
        before = len(self.ledger.batches)
        wait_until(lambda: len(self.ledger.batches) >= before + more, what)

    def broken_promises(self) -> list[str]:
        """See :func:`promise_problems`; at any time."""
        return promise_problems(self.storage, self.workspace_id, self.ledger, catalog=self.database)

    def check_at_the_end(self, clients: Clients) -> None:
        """All that holds once the clients have their answers and the work is done."""
        clients.stop()
        assert clients.errors == []
        wait_until(lambda: self.counts.unfinished() == 0, "batches wait for ever")
        api = ApiClient(self.apis[-1].url, self.setup)
        with pytest.MonkeyPatch.context() as patched:
            for name, value in self._shared.items():
                if name.startswith("AWS_"):
                    patched.setenv(name, value)
            found = problems(
                self.storage,
                self.workspace_id,
                self.ledger,
                api,
                catalog=self.database,
                storage=self.url,
            )
        assert found == []
        for node in self.all:
            node.send(signal.SIGTERM)
        for node in self.all:
            assert node.process is not None
            assert node.process.wait(20) == 0, node.log()[-2_000:]
        verified = run_everlake(
            *("lake", "verify", "--json"), data=self.storage, env=self._shared, check=False
        )
        assert json.loads(verified.stdout)["ok"], verified.stdout
        for node in self.all:
            bad = [line for line in node.log().splitlines() if any(w in line for w in FORBIDDEN)]
            assert bad == [], node.name

    def start(self) -> None:
        """Start every node, all at once; return when they answer."""
        with ThreadPoolExecutor(len(self.all)) as threads:
            list(threads.map(Node.start, self.all))

    def end(self) -> None:
        """Kill what still runs."""
        for node in self.all:
            if node.process is not None:
                node.kill()
        self.counts.close()


@contextmanager
def running_nodes(
    folder: Path,
    database: str,
    apis: int = 2,
    workers: int = 3,
    extra: Mapping[str, Mapping[str, str]] | None = None,
    bucket: S3Server | None = None,
) -> Generator[Nodes]:
    """Nodes that run, for the length of a block; see :class:`Nodes`."""
    nodes = Nodes(folder, database, apis, workers, extra, bucket)
    try:
        nodes.start()
        yield nodes
    finally:
        nodes.end()
