"""A lake that is missing: every command and the API say so, and ``lake rebuild`` is the cure."""

import json
import shutil
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.server import (
    NO_RATE_LIMIT,
    PRODUCT,
    PROJECT,
    ApiClient,
    run_everlake,
    run_everlake_json,
    running_server,
)


@pytest.fixture
def api(tmp_path: Path) -> Generator[ApiClient]:
    """A server with a record, whose lake was removed."""
    setup = run_everlake_json(
        "init", "--product-id", PRODUCT, "--project-id", PROJECT, data=tmp_path
    )
    with running_server("serve", tmp_path, NO_RATE_LIMIT) as server:
        api = ApiClient(server.url, setup)
        api.wait_until_complete(api.accept(api.record(data={"text": "hello there"})))
        shutil.rmtree(tmp_path / "lake")
        yield api


def test_nothing_is_said_to_be_empty_until_the_lake_is_rebuilt(
    api: ApiClient, tmp_path: Path
) -> None:
    for path in ("/api/v1/records", "/api/v1/search?q=hello"):
        answer = api.http.get(path)
        assert answer.status_code == 503, answer.text
        assert "everlake lake rebuild" in answer.json()["message"]
        assert str(tmp_path) not in answer.text
    ready = api.http.get("/readyz")
    assert ready.status_code == 503
    assert "everlake lake rebuild" in ready.json()["details"]["lake"]

    for command in (
        ["lake", "sql", "select count(*) from records"],
        ["lake", "tables"],
        ["lake", "export", "--to", str(tmp_path / "out")],
        ["search", "hello"],
    ):
        done = run_everlake(*command, data=tmp_path, check=False)
        assert done.returncode == 1, (command, done.stdout)
        assert "everlake lake rebuild" in done.stderr
    done = run_everlake("doctor", "--json", data=tmp_path, check=False)
    [row] = [row for row in map(json.loads, done.stdout.splitlines()) if row["check"] == "lake"]
    assert done.returncode == 1
    assert not row["ok"]
    assert "everlake lake rebuild" in row["message"]
    assert run_everlake("lake", "verify", data=tmp_path, check=False).returncode == 1

    later = api.accept(api.record(_vendor_ids={"id": "2"}))
    time.sleep(2)
    assert api.http.get(f"/api/v1/ingest/batches/{later}").json()["status"] == "LANDING"

    run_everlake("lake", "rebuild", "--all", data=tmp_path)
    api.wait_until_complete(later)
    assert len(api.http.get("/api/v1/records").json()["records"]) == 2
    assert run_everlake("doctor", data=tmp_path).returncode == 0
