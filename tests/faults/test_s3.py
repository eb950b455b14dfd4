"""S3 misbehaves under load, and each batch is accepted once or refused and not counted.

A proxy of our own stands before a real server. The clients insist on their 202, so what a fault
took from them comes again under the same idempotency key.
"""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.batch_counts import BatchCounts
from tests.faults.chaos_settings import SEED, scaled
from tests.faults.checker import problems, promise_problems
from tests.faults.clients import Clients
from tests.faults.ledger import PRODUCT, PROJECT, Ledger
from tests.faults.recording import BUSY
from tests.support.processes import wait_until
from tests.support.s3 import S3Server, s3_environment
from tests.support.s3_proxy import S3Fault, S3Proxy, s3_proxy
from tests.support.server import ApiClient, EverlakeServer, run_everlake

ALWAYS = 1_000_000
LANDING = "/landing/"


class Scene:
    """A server whose archive is behind the proxy."""

    def __init__(self, data: Path, server: S3Server, bad: S3Proxy) -> None:
        self.data = data
        self.bad = bad
        self.s3 = server
        self.bucket = server.new_bucket()
        self.url = f"s3://{self.bucket}/lake"
        self.env = {**BUSY, **s3_environment(bad.url), "EVERLAKE_STORAGE_URL": self.url}
        ids = ("--product-id", PRODUCT, "--project-id", PROJECT, "--json")
        self.setup = json.loads(run_everlake("init", *ids, data=data, env=self.env).stdout)
        self.server = EverlakeServer("serve", data, self.env)
        self.server.start()
        self.api = ApiClient(self.server.url, self.setup)
        self.counts = BatchCounts(data)

    def close(self) -> None:
        self.server.kill()
        self.counts.close()

    def post(self, name: str) -> httpx.Response:
        record = self.api.record(_vendor_ids={"id": name}, data={"text": name})
        return self.api.post(record, headers={"idempotency-key": name})

    def objects(self) -> list[str]:
        return self.s3.keys(self.bucket, "lake/landing/")

    def batches(self) -> list[str]:
        page = self.api.http.get("/api/v1/ingest/batches").json()
        return [batch["batchId"] for batch in page["batches"]]


@pytest.fixture
def scene(s3_server: S3Server, tmp_path: Path) -> Iterator[Scene]:
    with s3_proxy(s3_server.port) as bad:
        made = Scene(tmp_path, s3_server, bad)
        try:
            yield made
        finally:
            bad.faults = []
            made.close()


PASSING = [
    S3Fault("status", "PUT", LANDING, times=3, status=500, code="InternalError"),
    S3Fault("status", "PUT", LANDING, times=3, status=503, code="SlowDown"),
    S3Fault("silence", "PUT", LANDING),
    S3Fault("cut upload", "PUT", LANDING, times=2),
    S3Fault("lost answer", "PUT", LANDING, times=2),
    S3Fault("status", "GET", LANDING, times=3),
    S3Fault("silence", "GET", LANDING),
    S3Fault("cut answer", "GET", LANDING, times=2),
]


def test_a_batch_is_accepted_once_and_lands_through_each_fault_that_passes(scene: Scene) -> None:
    accepted: list[str] = []
    for number, fault in enumerate(PASSING):
        scene.bad.faults = [fault]
        answer = scene.post(str(number))
        assert answer.status_code == 202, answer.text
        accepted.append(answer.json()["batchId"])
        scene.api.wait_until_complete(*accepted)
        assert fault.times == 0

    assert scene.batches() == accepted[::-1]
    assert [key.rpartition("/")[2] for key in scene.objects()] == sorted(
        f"{batch_id}.ndjson.zst" for batch_id in accepted
    )
    records = scene.api.http.get("/api/v1/records", params={"limit": "100"}).json()["records"]
    assert sorted(one["data"]["text"] for one in records) == [str(n) for n in range(len(PASSING))]


VERSIONS, DATA = ".lance/_versions/", ".lance/data/"
IN_TABLES = [
    S3Fault("status", "PUT", VERSIONS, times=2, status=500, code="InternalError"),
    S3Fault("status", "PUT", VERSIONS, times=2, status=503, code="SlowDown"),
    S3Fault("cut upload", "PUT", VERSIONS, times=2),
    S3Fault("lost answer", "PUT", VERSIONS),
    S3Fault("lost answer", "PUT", DATA, times=2),
    S3Fault("status", "PUT", DATA, times=12),  # more than the engine tries by itself
    S3Fault("status", "GET", VERSIONS, times=12),
    S3Fault("cut answer", "GET", VERSIONS, times=2),
    S3Fault("lost answer", "GET", VERSIONS, times=2),
]


def test_a_record_is_in_the_tables_once_through_each_fault_that_passes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.api.wait_until_complete(scene.post("before").json()["batchId"])
    for number, fault in enumerate(IN_TABLES):
        scene.bad.faults = [fault]
        scene.api.wait_until_complete(scene.post(str(number)).json()["batchId"])
        scene.bad.faults = []
        records = scene.api.http.get("/api/v1/records", params={"limit": "100"}).json()["records"]
        assert sorted(one["data"]["text"] for one in records) == [
            *map(str, range(number + 1)),
            "before",
        ]
    assert all(not fault.times for fault in IN_TABLES if fault.method == "PUT")
    for name, value in s3_environment(scene.s3.url).items():
        monkeypatch.setenv(name, value)
    assert "batch failed" not in scene.server.log()
    done = run_everlake("lake", "verify", "--json", data=scene.data, env=scene.env)
    assert json.loads(done.stdout)["ok"]


LASTING = [
    S3Fault("status", "PUT", times=ALWAYS, status=503, code="SlowDown"),
    S3Fault("status", "PUT", times=ALWAYS, status=403, code="AccessDenied"),
    S3Fault("lost answer", "PUT", times=ALWAYS),
]


def test_while_s3_is_away_nothing_is_counted_and_afterwards_the_same_request_is(
    scene: Scene,
) -> None:
    for number, fault in enumerate(LASTING):
        before = scene.batches()
        # Nor can our own look at what is there find that a write took effect after all.
        scene.bad.faults = [fault, S3Fault("status", "GET", times=ALWAYS)]

        answer = scene.post(str(number))

        assert answer.status_code == 503, answer.text
        assert answer.json()["error"] == "UNAVAILABLE"
        assert "storage could not write" in answer.json()["message"]
        assert float(answer.headers["retry-after"]) > 0
        wait_until(lambda: "storage could not" in scene.api.http.get("/readyz").text, "it is ready")
        assert scene.batches() == before
        assert len(scene.objects()) == len(before)

        scene.bad.faults = []
        accepted = scene.post(str(number))
        assert (accepted.status_code, len(scene.batches())) == (202, len(before) + 1)
        again = scene.post(str(number))
        assert again.content == accepted.content
        assert again.headers["idempotent-replayed"] == "true"
        wait_until(
            lambda: scene.api.http.get("/readyz").status_code == 200, "it is not ready again"
        )


def test_a_batch_waits_for_an_archive_that_is_away_and_is_not_given_up(scene: Scene) -> None:
    scene.bad.faults = [S3Fault("lost answer", "GET", LANDING, times=ALWAYS)]
    batch_id = scene.post("a").json()["batchId"]
    wait_until(lambda: scene.server.log().count('"event": "postponed"') >= 1, "no step has failed")

    assert scene.api.batch(batch_id)["status"] == "LANDING"

    scene.bad.faults = []
    scene.api.wait_until_complete(batch_id)


def test_an_archive_that_is_away_is_not_taken_for_a_lost_one(scene: Scene) -> None:
    accepted = [scene.post(str(number)).json()["batchId"] for number in range(5)]
    scene.api.wait_until_complete(*accepted)
    scene.bad.faults = [S3Fault("status", "GET", LANDING, times=ALWAYS, after=3)]

    for command in ("rebuild", "verify"):
        done = run_everlake("lake", command, data=scene.data, env=scene.env, check=False)
        assert done.returncode == 1
        assert "storage could not read: S3 is busy" in done.stderr
        assert "Traceback" not in done.stderr
        assert "backup" not in done.stdout + done.stderr

    records = scene.api.http.get("/api/v1/records").json()["records"]
    assert len(records) == len(accepted)
    scene.bad.faults = []
    run_everlake("lake", "rebuild", data=scene.data, env=scene.env)
    assert "no problems" in run_everlake("lake", "verify", data=scene.data, env=scene.env).stdout


def fault_of(chance: random.Random, kind: str) -> list[S3Fault]:
    """A few requests of one kind of trouble, writes and reads."""
    times = chance.randrange(1, 6)
    if kind == "away":
        return [S3Fault("status", method, times=ALWAYS, status=503) for method in ("PUT", "GET")]
    if kind == "500":
        return [S3Fault("status", method, times=times, status=500) for method in ("PUT", "GET")]
    if kind == "cut answer":
        return [S3Fault("cut answer", "GET", LANDING, times=times)]
    if kind == "silence":
        return [S3Fault("silence", chance.choice(["PUT", "GET"]), LANDING)]
    if kind == "cut upload":
        return [S3Fault("cut upload", "PUT", times=times)]
    return [S3Fault("lost answer", method, times=times) for method in ("PUT", "GET", "DELETE")]


KINDS = ("500", "away", "silence", "cut upload", "cut answer", "lost answer")


@pytest.mark.timeout(600 + 30 * scaled(len(KINDS)))
def test_nothing_that_was_promised_is_lost_when_s3_misbehaves_under_load(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(SEED)
    ledger = Ledger()
    clients = Clients(scene.server.url, scene.setup["api_key"], ledger, SEED)
    workspace_id = scene.setup["workspace_id"]
    clients.start()
    try:
        for number in range(scaled(len(KINDS))):
            scene.bad.faults = fault_of(chance, KINDS[number % len(KINDS)])
            before = len(ledger.batches)
            time.sleep(chance.uniform(1, 4))
            if KINDS[number % len(KINDS)] == "away":
                scene.bad.faults = []
            wait_until(lambda before=before: len(ledger.batches) > before, "nothing is accepted")
            assert promise_problems(scene.data, workspace_id, ledger) == []
        scene.bad.faults = []
    finally:
        clients.stop()
    assert clients.errors == []
    wait_until(lambda: scene.counts.unfinished() == 0, "batches wait for ever")
    for name, value in s3_environment(scene.s3.url).items():
        monkeypatch.setenv(name, value)

    assert problems(scene.data, workspace_id, ledger, scene.api, storage=scene.url) == []
    assert scene.server.stop() == 0
    done = run_everlake("lake", "verify", "--json", data=scene.data, env=scene.env)
    assert json.loads(done.stdout)["ok"]
