"""One form of the program under the load of the part ``nodes``, and what that costs each part."""

import time
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import msgspec

from bench.batch_progress import StatusLags, progress_curves, status_lags, wait_until_complete
from bench.bodies import PRODUCT, PROJECT, RECORDS
from bench.driver import LoadResult, quantile, run_load
from bench.processes import SERVER_SETTINGS, workspace
from bench.resource_usage import (
    CpuUsage,
    DatabaseObserver,
    DatabaseTraffic,
    bucket_requests,
    cpu_usage,
)
from everlake.catalog import api_keys, products, projects, workspaces
from everlake.catalog.opening import open_catalog
from everlake.settings import load
from tests.support.postgres import PostgresServer
from tests.support.s3 import S3Server, s3_environment
from tests.support.server import EverlakeServer, running_server

CONNECTIONS = 8
WORKSPACES = 4
"""So that as many workers have tables of their own to write."""
SMALL, PACED = 10, 100
"""Records a request."""
REQUEST_RATE = 8.0
"""Requests a second."""
IDLE_SECONDS = 5.0
WARM_UP, ALONE = 160, 48
_TIMEOUT = 900.0
_PATH = "/api/v1/ingest"


class Deployment(msgspec.Struct, frozen=True):
    """So many API and worker processes; with no ``nodes`` the form on one machine with SQLite."""

    name: str
    nodes: int
    in_bucket: bool = False


class RequestBodies(msgspec.Struct, frozen=True):
    """Files to send, and how many small and paced requests to make of them."""

    large: list[Path]
    paced: list[Path]
    small: list[Path]
    small_requests: int
    paced_requests: int


class Environment(msgspec.Struct, frozen=True):
    """The servers that all forms share, and the folder in which the S3 server logs."""

    database: PostgresServer
    bucket: S3Server
    bucket_folder: Path


def measure_deployment(
    deployment: Deployment, environment: Environment, bodies: RequestBodies
) -> dict[str, float]:
    """The figures of one form by name: rates a second, times in seconds, sizes in bytes.

    Raises:
        RuntimeError: a request was not answered as it should be, or a batch did not get through.
    """
    env = dict(SERVER_SETTINGS)
    if deployment.nodes:
        env["EVERLAKE_DATABASE_URL"] = environment.database.new_database()
        env["EVERLAKE_API_PROCESSES"] = str(deployment.nodes)
    if deployment.in_bucket:
        env["EVERLAKE_STORAGE_URL"] = f"s3://{environment.bucket.new_bucket()}"
        env |= s3_environment(environment.bucket.url)
    with workspace(env) as (data, setup):
        one = _DeploymentRun(deployment, environment, data, env, setup["workspace_id"])
        return one.accept(bodies) | one.land(bodies)


class _DeploymentRun:
    def __init__(
        self, form: Deployment, ground: Environment, data: Path, env: dict[str, str], first: str
    ) -> None:
        self._form, self._ground, self._data, self._env = form, ground, data, env
        url = env.get("EVERLAKE_DATABASE_URL")
        self._database = None if url is None else DatabaseObserver(ground.database, url)
        self._observer_env = env
        if self._database is not None:
            self._observer_env = {**env, "EVERLAKE_DATABASE_URL": self._database.url}
        self._keys = _make_keys(data, self._observer_env, first)
        self._sent = 0

    def accept(self, bodies: RequestBodies) -> dict[str, float]:
        """Small requests with no worker: first one after another, then as fast as they go."""
        with running_server("api", self._data, self._env) as api:
            self._drive(api, bodies.small, WARM_UP)
            before = self._traffic()
            self._drive(api, bodies.small, ALONE, connections=1)
            alone = self._traffic().per_batch_since(before, ALONE)
            costs, before = self._cpu_usage([api]), self._traffic()
            load = self._drive(api, bodies.small, bodies.small_requests)
            together = self._traffic().per_batch_since(before, bodies.small_requests)
            cpu = self._cpu_usage([api]).since(costs)
        found = {
            "requests_rate": len(load.latencies) / load.seconds,
            "small_p50": load.quantile(0.5),
            "small_p99": load.quantile(0.99),
            **{f"alone_{name}": value for name, value in alone.items()},
            **{f"accept_{name}": value for name, value in together.items()},
            **{
                f"accept_cpu_{part}": seconds / bodies.small_requests
                for part, seconds in cpu.items()
            },
        }
        return found | self._rows("accepted")

    def land(self, bodies: RequestBodies) -> dict[str, float]:
        """Large requests at once, then some at a pace, then none, with the workers at work."""
        with self._running() as (api, servers):
            self._wait()
            costs, before, requests = self._cpu_usage(servers), self._traffic(), self._requests()
            load = self._drive(api, bodies.large, len(bodies.large))
            self._wait()
            cpu = self._cpu_usage(servers).since(costs)
            burst = self._traffic().per_batch_since(before, len(bodies.large))
            asked = self._requests() - requests
            curves = [
                progress_curves(self._data, one, load.started_at, self._observer_env)
                for one in self._keys
            ]
            costs, before, started = self._cpu_usage(servers), self._traffic(), time.time()
            self._drive(api, bodies.paced, bodies.paced_requests, rate=REQUEST_RATE)
            self._wait()
            paced_cpu = self._cpu_usage(servers).since(costs)
            paced = self._traffic().per_batch_since(before, bodies.paced_requests)
            waited = self._lags(started)
            time.sleep(1)  # until all have seen that there is nothing more
            costs, before = self._cpu_usage(servers), self._traffic()
            time.sleep(IDLE_SECONDS)
            idle_cpu = self._cpu_usage(servers).since(costs)
            idle = self._traffic().statements - before.statements
            connections = self._database.connections() if self._database else 0
        records, workers = len(bodies.large) * RECORDS, max(self._form.nodes, 1)
        found = {
            "accept_rate": records / load.seconds,
            "landed_rate": records / max(curve.landed[-1][0] for curve in curves),
            "complete_rate": records / max(curve.complete[-1][0] for curve in curves),
            **{f"cpu_{part}": seconds / records * 1e6 for part, seconds in cpu.items()},
            "cpu_driver": load.cpu / records * 1e6,
            **{f"burst_{name}": value for name, value in burst.items()},
            **{f"paced_{name}": value for name, value in paced.items()},
            **{f"requests {what}": count / len(bodies.large) for what, count in asked.items()},
            **{
                f"paced_cpu_{part}": seconds / bodies.paced_requests
                for part, seconds in paced_cpu.items()
            },
            **{
                f"idle_cpu_{part}": seconds / IDLE_SECONDS / workers
                for part, seconds in idle_cpu.items()
            },
            "idle_statements": idle / IDLE_SECONDS / workers,
            "connections": connections,
            **_quantiles("landed", waited.landed),
            **_quantiles("complete", waited.complete),
            "landing_bytes": self._landing_bytes(),
        }
        return found | self._rows("complete") | self._rows("packed")

    def _drive(
        self,
        api: EverlakeServer,
        files: list[Path],
        requests: int,
        *,
        connections: int = CONNECTIONS,
        rate: float | None = None,
    ) -> LoadResult:
        self._sent += requests
        return run_load(
            api.port,
            _PATH,
            {"content-type": "application/json"},
            files,
            requests=requests,
            connections=connections,
            rate=rate,
            api_keys=list(self._keys.values()),
            idempotent=True,
        )

    def _wait(self) -> None:
        """Until every batch is ``COMPLETE``; each load is a multiple of the workspaces."""
        deadline = time.monotonic() + _TIMEOUT
        for workspace_id in self._keys:
            count = self._sent // WORKSPACES
            left = deadline - time.monotonic()
            wait_until_complete(self._data, workspace_id, count, left, self._observer_env)

    @contextmanager
    def _running(self) -> Generator[tuple[EverlakeServer, list[EverlakeServer]]]:
        """The API, and all servers."""
        with ExitStack() as stack:
            role = "api" if self._form.nodes else "serve"
            api = stack.enter_context(running_server(role, self._data, self._env))
            servers = [api]
            for number in range(self._form.nodes):
                worker = EverlakeServer("worker", self._data, self._env)
                worker.log_path = self._data / f"worker-{number}.log"
                worker.start()
                stack.callback(worker.stop)
                servers.append(worker)
            time.sleep(2)  # all of them are at work
            yield api, servers

    def _cpu_usage(self, servers: list[EverlakeServer]) -> CpuUsage:
        bucket = self._ground.bucket if self._form.in_bucket else None
        database = self._ground.database if self._form.nodes else None
        return cpu_usage(servers, database, bucket)

    def _traffic(self) -> DatabaseTraffic:
        return self._database.traffic() if self._database else DatabaseTraffic()

    def _requests(self) -> Counter[str]:
        if not self._form.in_bucket:
            return Counter()
        return bucket_requests(self._ground.bucket_folder)

    def _lags(self, since: float) -> StatusLags:
        found = [status_lags(self._data, one, since, self._observer_env) for one in self._keys]
        return StatusLags(
            landed=[value for one in found for value in one.landed],
            complete=[value for one in found for value in one.complete],
        )

    def _rows(self, moment: str) -> dict[str, float]:
        found: dict[str, float] = {}
        if self._database is not None:
            for table in ("batches", "idempotency"):
                rows, indices = self._database.row_bytes(table, after_vacuum=moment == "packed")
                found[f"{moment}_{table}"] = rows
                found[f"{moment}_{table}_indices"] = indices
        return found

    def _landing_bytes(self) -> float:
        """Of a large batch in the archive; 0 where that is in a bucket."""
        sizes = [file.stat().st_size for file in (self._data / "landing").rglob("*.zst")]
        large = [size for size in sizes if size > max(sizes) / 2]
        return median(large) if large else 0.0


def _make_keys(data: Path, env: dict[str, str], first: str) -> dict[str, str]:
    """A key of each workspace, by workspace: of the first one, and of more made like it."""
    catalog = open_catalog(load({"data": str(data)}, environ=env).catalog_url)
    try:
        with catalog.transaction() as tx:
            ids = [first]
            for number in range(1, WORKSPACES):
                made = workspaces.create(tx, name=f"further {number}").id
                products.create(tx, made, product_id=PRODUCT)
                projects.create(tx, made, PRODUCT, project_id=PROJECT)
                ids.append(made)
            return {
                one: api_keys.create(tx, one, label="load", permissions=["api:write"], max_live=10)[
                    1
                ]
                for one in ids
            }
    finally:
        catalog.close()


def _quantiles(name: str, values: list[float]) -> dict[str, float]:
    return {f"{name}_p50": quantile(values, 0.5), f"{name}_p99": quantile(values, 0.99)}
