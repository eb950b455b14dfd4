"""``everlake db copy`` as a user runs it: one machine moves to PostgreSQL and a bucket."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until
from tests.support.s3 import S3Server, s3_environment
from tests.support.s3_proxy import S3Fault, S3Proxy, s3_proxy
from tests.support.server import (
    NO_RATE_LIMIT,
    PRODUCT,
    PROJECT,
    ApiClient,
    environment,
    run_everlake,
    run_everlake_json,
    running_server,
)

BATCHES = 130
"""More than the objects that go together, and than a page of a list of the server's."""


class Machine:
    """A machine that was used for a while, and the place it moves to."""

    def __init__(
        self, data: Path, setup: dict[str, str], s3: S3Server, postgres: PostgresServer
    ) -> None:
        self.data = data
        self.setup = setup
        self.s3 = s3
        self.bucket = s3.new_bucket()
        self.database = postgres.new_database()
        self.storage = f"s3://{self.bucket}/team/lake"

    def options(self) -> list[str]:
        return ["--to-database", self.database, "--to-storage", self.storage, "--json"]

    def node(self, url: str) -> dict[str, str]:
        """The environment of a node of the new side, which has the bucket at ``url``."""
        return {
            **NO_RATE_LIMIT,
            **s3_environment(url),
            "EVERLAKE_DATABASE_URL": self.database,
            "EVERLAKE_STORAGE_URL": self.storage,
        }

    def copy(self, url: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run_everlake(
            "db", "copy", *self.options(), data=self.data, env=s3_environment(url), check=check
        )

    def objects(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.data).as_posix(): path.read_bytes()
            for path in (self.data / "landing").rglob("*")
            if path.is_file()
        }

    def keys(self) -> list[str]:
        return self.s3.keys(self.bucket)

    def rows(self, table: str) -> int:
        counting = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        with psycopg.connect(self.database) as connection:
            [(count,)] = connection.execute(counting)
        return count


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    data = tmp_path_factory.mktemp("source")
    ids = ("--product-id", PRODUCT, "--project-id", PROJECT)
    setup = run_everlake_json("init", *ids, data=data)
    with running_server("serve", data, NO_RATE_LIMIT) as server:
        api = ApiClient(server.url, setup)
        batch_ids = [
            api.accept(
                [api.record(_vendor_ids={"id": f"r{n}"}), api.record(_event_at="yesterday")],
                headers={"idempotency-key": f"k{n}"},
            )
            for n in range(BATCHES)
        ]
        api.wait_until_complete(*batch_ids)
    return data, setup


@pytest.fixture
def machine(
    source: tuple[Path, dict[str, str]], s3_server: S3Server, postgres_server: PostgresServer
) -> Machine:
    data, setup = source
    return Machine(data, setup, s3_server, postgres_server)


@pytest.fixture
def bad_day(s3_server: S3Server) -> Iterator[S3Proxy]:
    with s3_proxy(s3_server.port) as made:
        yield made


def all_records(machine: Machine, url: str) -> list[Any]:
    api = ApiClient(url, machine.setup)
    found: list[Any] = []
    cursor: str | None = None
    while True:
        query: dict[str, str | int] = {"limit": 100}
        if cursor is not None:
            query["cursor"] = cursor
        page = api.http.get("/api/v1/records", params=query).json()
        found += page["records"]
        cursor = page["nextCursor"]
        if cursor is None:
            return sorted(found, key=lambda record: record["recordId"])


def test_it_moves_goes_on_after_a_kill_and_serves_the_same_there(
    machine: Machine, s3_server: S3Server, tmp_path: Path
) -> None:
    with running_server("serve", machine.data, NO_RATE_LIMIT) as server:
        before = all_records(machine, server.url)
    with (tmp_path / "log").open("w") as log:
        begun = subprocess.Popen(
            [sys.executable, "-m", "everlake", "db", "copy", *machine.options()],
            env={**environment(machine.data), **s3_environment(s3_server.url)},
            stdout=log,
            stderr=log,
        )
        wait_until(lambda: len(machine.keys()) > 20, "it has begun")
        begun.kill()
        begun.wait()
    assert machine.rows("batches") == 0
    some = machine.keys()
    assert len(some) < len(machine.objects())

    done = json.loads(machine.copy(s3_server.url).stdout)

    assert done["ok"]
    assert done["tables"]["batches"]["rows"] == BATCHES
    assert done["tables"]["idempotency"]["rows"] == BATCHES
    objects = machine.objects()
    assert done["archive"]["objects"] == len(objects) == 2 * BATCHES
    assert machine.keys() == sorted(f"team/lake/{path}" for path in objects)
    for path, content in objects.items():
        assert s3_server.get(machine.bucket, f"team/lake/{path}") == content
    assert json.loads(machine.copy(s3_server.url).stdout) == done

    env = machine.node(s3_server.url)
    node = tmp_path / "node"
    node.mkdir()
    run_everlake("lake", "rebuild", "--all", data=node, env=env)
    run_everlake("lake", "verify", "--all", data=node, env=env)
    with running_server("serve", node, env) as server:
        assert all_records(machine, server.url) == before
        api = ApiClient(server.url, machine.setup)
        again = api.post(
            [api.record(_vendor_ids={"id": "r0"}), api.record(_event_at="yesterday")],
            headers={"idempotency-key": "k0"},
        )
        assert again.headers["idempotent-replayed"] == "true"
        api.wait_until_complete(api.accept(api.record(_vendor_ids={"id": "new"})))
        assert len(all_records(machine, server.url)) == len(before) + 1
    run_everlake("lake", "verify", "--all", data=node, env=env)


def test_a_bucket_that_is_away_half_way_ends_it_and_it_goes_on(
    machine: Machine, s3_server: S3Server, bad_day: S3Proxy
) -> None:
    bad_day.faults.append(S3Fault("status", "PUT", times=10_000, after=150, status=403, code="X"))
    stopped = machine.copy(bad_day.url, check=False)
    assert stopped.returncode == 1, stopped
    assert "Traceback" not in stopped.stderr
    assert machine.rows("batches") == 0

    bad_day.faults = [
        S3Fault("lost answer", "PUT", times=3, after=5),
        S3Fault("status", "PUT", times=3, after=20),
        S3Fault("cut answer", "GET", target="landing", times=2, after=30),
    ]
    assert json.loads(machine.copy(bad_day.url).stdout)["archive"]["objects"] == 2 * BATCHES


def test_an_object_that_was_changed_in_the_bucket_is_named(
    machine: Machine, s3_server: S3Server
) -> None:
    machine.copy(s3_server.url)
    key = machine.keys()[7]
    content = s3_server.get(machine.bucket, key)
    s3_server.put(machine.bucket, key, content[:-1] + bytes([content[-1] ^ 1]))

    refused = machine.copy(s3_server.url, check=False)

    assert refused.returncode == 1
    assert key.removeprefix("team/lake/") in refused.stderr
    assert "not the same" in refused.stderr


def test_a_bucket_that_is_not_there_is_said_before_anything_is_copied(
    machine: Machine, s3_server: S3Server
) -> None:
    machine.storage = "s3://not-there/lake"
    refused = machine.copy(s3_server.url, check=False)
    assert refused.returncode == 1
    assert "there is no such bucket" in refused.stderr
    assert machine.rows("workspaces") == 0


def test_an_api_alone_is_not_copied_under_its_hands(machine: Machine, s3_server: S3Server) -> None:
    for processes in ("1", "2"):
        env = {**NO_RATE_LIMIT, "EVERLAKE_API_PROCESSES": processes}
        with running_server("api", machine.data, env):
            refused = machine.copy(s3_server.url, check=False)
            assert refused.returncode == 1
            assert "everlake api" in refused.stderr
    assert machine.keys() == []
    assert json.loads(machine.copy(s3_server.url).stdout)["ok"]


def test_tables_in_a_bucket_that_stays_go_on_as_they_are(
    s3_server: S3Server, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    env = {
        **NO_RATE_LIMIT,
        **s3_environment(s3_server.url),
        "EVERLAKE_STORAGE_URL": f"s3://{s3_server.new_bucket()}/lake",
    }
    ids = ("--product-id", PRODUCT, "--project-id", PROJECT)
    setup = run_everlake_json("init", *ids, data=tmp_path, env=env)
    database = postgres_server.new_database()
    with running_server("serve", tmp_path, env) as server:
        api = ApiClient(server.url, setup)
        api.wait_until_complete(api.accept([api.record(_vendor_ids={"id": "before"})]))

    run_everlake("db", "copy", "--to-database", database, data=tmp_path, env=env)

    with running_server("serve", tmp_path, {**env, "EVERLAKE_DATABASE_URL": database}) as server:
        api = ApiClient(server.url, setup)
        assert len(api.http.get("/api/v1/records").json()["records"]) == 1
        api.wait_until_complete(api.accept([api.record(_vendor_ids={"id": "after"})]))
        assert len(api.http.get("/api/v1/records").json()["records"]) == 2
