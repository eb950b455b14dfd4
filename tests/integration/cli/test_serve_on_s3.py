"""``everlake serve`` with its storage in a bucket."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.s3 import S3Server, s3_environment
from tests.support.server import (
    NO_RATE_LIMIT,
    PRODUCT,
    PROJECT,
    ApiClient,
    EverlakeServer,
    run_everlake,
    running_server,
)


class Scene(NamedTuple):
    """A running server, its data directory and its bucket."""

    data: Path
    env: dict[str, str]
    bucket: str
    server: EverlakeServer
    api: ApiClient


@pytest.fixture(scope="module")
def scene(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    data = tmp_path_factory.mktemp("on-s3")
    bucket = s3_server.new_bucket()
    env = {
        **NO_RATE_LIMIT,
        **s3_environment(s3_server.url),
        "EVERLAKE_STORAGE_URL": f"s3://{bucket}/team/lake",
    }
    ids = ("--product-id", PRODUCT, "--project-id", PROJECT, "--json")
    setup = json.loads(run_everlake("init", *ids, data=data, env=env).stdout)
    with running_server("serve", data, env) as server:
        yield Scene(data, env, bucket, server, ApiClient(server.url, setup))
    log = server.log()
    assert "unexpected error" not in log
    assert "secret" not in log


def test_a_batch_goes_all_the_way_and_lies_in_the_bucket(scene: Scene, s3_server: S3Server) -> None:
    right = scene.api.record(data={"text": "The blue kettle whistles"})
    wrong = {**right, "_event_at": "yesterday"}

    batch_id = scene.api.accept([right, wrong])
    scene.api.wait_until_complete(batch_id)

    found = scene.api.http.get("/api/v1/search", params={"q": "kettle"}).json()
    assert [hit["text"] for hit in found["results"]] == ["The blue kettle whistles"]
    keys = [key for key in s3_server.keys(scene.bucket) if batch_id in key]
    folder = keys[0].removesuffix(f"/{batch_id}.ndjson.zst")
    assert folder.startswith("team/lake/landing/workspace=")
    assert keys == [
        f"{folder}/{batch_id}.ndjson.zst",
        f"{folder}/{batch_id}.rejected.ndjson.zst",
    ]
    assert not (scene.data / "landing").exists()


def test_what_was_refused_can_be_read_again(scene: Scene) -> None:
    wrong = scene.api.record(_event_at="yesterday", _vendor_ids={"id": "refused"})
    batch_id = scene.api.accept([scene.api.record(_vendor_ids={"id": "right"}), wrong])

    page = scene.api.http.get(f"/api/v1/ingest/batches/{batch_id}/errors").json()
    said = run_everlake("batches", "errors", batch_id, "--json", data=scene.data, env=scene.env)

    assert [one["index"] for one in page["errors"]] == [1]
    assert json.loads(said.stdout)["index"] == 1


def test_the_lake_can_be_looked_at_and_made_again(scene: Scene) -> None:
    ids = [scene.api.accept(scene.api.record(_vendor_ids={"id": f"r{n}"})) for n in range(5)]
    scene.api.wait_until_complete(*ids)

    for command in (("verify", "--json"), ("rebuild", "--json"), ("verify", "--json")):
        done = run_everlake("lake", *command, data=scene.data, env=scene.env)
        assert json.loads(done.stdout).get("ok", True), done.stdout

    assert scene.api.http.get("/api/v1/records", params={"batch": ids[0]}).json()["records"]


def test_an_object_that_somebody_deleted_is_found_missing(
    scene: Scene, s3_server: S3Server
) -> None:
    batch_id = scene.api.accept(scene.api.record(_vendor_ids={"id": "deleted"}))
    scene.api.wait_until_complete(batch_id)
    [key] = [key for key in s3_server.keys(scene.bucket) if batch_id in key]
    content = s3_server.get(scene.bucket, key)
    s3_server.delete(scene.bucket, key)

    done = run_everlake("lake", "verify", "--json", data=scene.data, env=scene.env, check=False)

    s3_server.put(scene.bucket, key, content)
    [problem] = json.loads(done.stdout)["workspaces"][0]["problems"]
    assert problem["batch_id"] == batch_id


def test_doctor_and_readiness_look_at_the_bucket(scene: Scene, s3_server: S3Server) -> None:
    before = s3_server.keys(scene.bucket)

    assert "storage" in run_everlake("doctor", data=scene.data, env=scene.env).stdout
    assert scene.api.http.get("/readyz").status_code == 200
    assert s3_server.keys(scene.bucket) == before

    elsewhere = {**scene.env, "EVERLAKE_STORAGE_URL": "s3://not-there/lake"}
    done = run_everlake("doctor", "--json", data=scene.data, env=elsewhere, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [row["check"] for row in rows if not row["ok"]] == ["storage", "lake"]
    assert "there is no such bucket" in done.stdout
