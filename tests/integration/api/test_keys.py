"""Contract, Authentication: keys from creation to revocation, in the command line and the API."""

import json
import time

from tests.support.api_workspaces import ApiWorkspaces, assert_error, unique
from tests.support.server import ApiClient, run_everlake


def test_a_keys_last_use_is_listed_within_seconds(home: ApiWorkspaces, fresh: ApiClient) -> None:
    assert home.key_row(fresh).last_used_at is None
    before = time.time_ns() // 1_000_000
    fresh.http.get("/api/v1/ingest/batches")
    after = time.time_ns() // 1_000_000
    deadline = time.monotonic() + 30
    while home.key_row(fresh).last_used_at is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    workspace = fresh.setup["workspace_id"]
    listed = run_everlake("keys", "list", "--workspace", workspace, "--json", data=home.server.data)
    assert fresh.setup["api_key"] not in listed.stdout
    (row,) = map(json.loads, listed.stdout.splitlines())
    assert before <= row["last_used_at"] <= after
    assert row["label"] == "test"
    assert row["source"] == "api"
    assert row["created_at"] <= row["last_used_at"]


def test_a_revoked_key_is_refused_within_a_second(home: ApiWorkspaces, fresh: ApiClient) -> None:
    fresh.accept(fresh.record())
    home.revoke(fresh)
    revoked = time.monotonic()
    while fresh.http.get("/api/v1/ingest/batches").status_code == 200:
        begun = time.monotonic()
        assert begun - revoked < 1, "still let in"
        time.sleep(0.02)
    assert_error(fresh.post(fresh.record()), 401, "UNAUTHORIZED")


def test_revoking_one_key_leaves_the_others_alone(home: ApiWorkspaces, fresh: ApiClient) -> None:
    other = home.key(fresh)
    home.revoke(fresh)
    time.sleep(1)
    assert other.http.get("/api/v1/ingest/batches").status_code == 200


def test_a_workspace_has_at_most_ten_live_keys(home: ApiWorkspaces, fresh: ApiClient) -> None:
    for _ in range(9):
        home.key(fresh)
    workspace = fresh.setup["workspace_id"]
    eleventh = run_everlake(
        *("keys", "create", "--label", "one more", "--workspace", workspace),
        data=home.server.data,
        check=False,
    )
    assert eleventh.returncode != 0
    assert "10 live keys" in eleventh.stderr
    home.revoke(fresh)
    home.key(fresh)


def test_a_key_has_at_least_one_permission(home: ApiWorkspaces) -> None:
    made = run_everlake(
        *("keys", "create", "--label", "none", "--permissions", ""),
        data=home.server.data,
        check=False,
    )
    assert made.returncode != 0
    assert "permissions must be one or more of" in made.stderr


def test_only_the_hash_of_a_secret_is_stored(home: ApiWorkspaces, fresh: ApiClient) -> None:
    secret = fresh.setup["api_key"].encode()
    fresh.wait_until_complete(fresh.accept(fresh.record()))
    files = [path for path in home.server.data.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret in path.read_bytes()]


def test_no_key_ever_gets_into_the_log(home: ApiWorkspaces, fresh: ApiClient) -> None:
    secret, mark = fresh.setup["api_key"], unique()
    fresh.accept(fresh.record())
    fresh.post(b"{")
    fresh.http.get(f"/api/v1/{secret}")
    fresh.http.get("/api/v1/ingest/batches", params={"cursor": secret})
    fresh.http.get("/api/v1/ingest/batches", headers={"x-request-id": secret})
    fresh.http.get("/api/v1/ingest/batches", headers={"x-api-key": f"{secret}x"})
    fresh.post(fresh.record(_tags=[secret] * 300), headers={"idempotency-key": secret})
    fresh.http.get(f"/api/v1/{mark}")
    deadline = time.monotonic() + 10
    while mark not in (log := home.server.log()):  # a line is written after its answer
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert secret not in log
