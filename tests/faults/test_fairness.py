"""What one workspace, one stranger or one file does leaves every other workspace its service.

Each test attacks a server with its default limits, and beside it a small batch of another
workspace is accepted and lands. The bounds are wide: they tell service from none.
"""

import json
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.support.api_workspaces import ApiWorkspaces, running_api
from tests.support.attacks import (
    ATTACKED_SETTINGS,
    ATTACKS,
    connect,
    send_file,
    slow_files,
    stalled_uploads,
    wait_until_complete,
)
from tests.support.processes import child_processes
from tests.support.server import ApiClient

ACCEPTED_SECONDS = 10
ATTACKED_SECONDS = 6
TEXT_SECONDS = 60
"""Less than six slow files take one after the other."""
MAX_GROWTH = 300 * 1024 * 1024
"""Bytes by which the API may grow under an attack."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Generator[ApiWorkspaces]:
    with running_api("serve", tmp_path_factory.mktemp("fairness"), ATTACKED_SETTINGS) as home:
        yield home
        log = home.server.log()
    assert "unexpected error" not in log


@pytest.fixture
def attacker(home: ApiWorkspaces) -> ApiClient:
    return home.workspace()


@pytest.fixture
def victim(home: ApiWorkspaces) -> ApiClient:
    return home.workspace()


def check_service(victim: ApiClient) -> None:
    """Send small batches over new connections, as a client does that has nothing to do with it."""
    ends = time.monotonic() + ATTACKED_SECONDS
    sent: list[str] = []
    while time.monotonic() < ends or not sent:
        with httpx.Client(trust_env=False, timeout=ACCEPTED_SECONDS) as http:
            answer = http.post(
                f"{victim.url}/api/v1/ingest",
                headers={"x-api-key": victim.setup["api_key"], "content-type": "application/json"},
                content=json.dumps(victim.record(_vendor_ids={"id": str(len(sent))})),
            )
            assert answer.status_code == 202, answer.text
            sent.append(answer.json()["batchId"])
            assert http.get(f"{victim.url}/healthz").status_code == 200
        time.sleep(0.5)
    for batch_id in sent:
        wait_until_complete(victim, batch_id)


def memory_of(home: ApiWorkspaces) -> int:
    """The resident memory of the API's processes, in bytes."""
    pids = child_processes(home.server)["api"]
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids]
    return sum(pages) * 4096


@pytest.mark.parametrize("name", ATTACKS)
def test_a_small_batch_of_another_workspace_lands(
    home: ApiWorkspaces, attacker: ApiClient, victim: ApiClient, name: str
) -> None:
    before = memory_of(home)
    with ATTACKS[name](attacker):
        check_service(victim)
        assert memory_of(home) - before < MAX_GROWTH


def test_stalled_uploads_leave_room_for_those_of_others(
    attacker: ApiClient, victim: ApiClient
) -> None:
    with stalled_uploads(attacker):
        made = victim.http.post("/api/v1/uploads", json={"size": 5}).json()
        answer = victim.http.put(f"/api/v1/uploads/{made['upload_intent_id']}", content=b"hello")
        assert answer.status_code == 200, answer.text


def test_the_text_of_a_file_does_not_wait_for_all_slow_files_of_others(
    attacker: ApiClient, victim: ApiClient
) -> None:
    with slow_files(attacker):
        batch_id = send_file(victim, "hello.txt", b"Hello from the victim.")
        ends = time.monotonic() + TEXT_SECONDS
        while text_status(victim, batch_id) != "COMPLETE":
            assert time.monotonic() < ends
            time.sleep(0.3)


def text_status(api: ApiClient, batch_id: str) -> str | None:
    answer = api.http.get(f"/api/v1/ingest/batches/{batch_id}/attachments")
    # There is none before the batch has landed.
    for attachment in answer.raise_for_status().json()["attachments"]:
        return attachment.get("text", {}).get("status")
    return None


def test_http_2_is_not_spoken(victim: ApiClient) -> None:
    with connect(victim) as one:
        one.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        one.settimeout(10)
        assert not one.recv(100).startswith(b"\x00\x00")
