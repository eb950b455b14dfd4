"""What one workspace, one stranger or one file does leaves every other workspace its service.

Each test attacks a server with its default limits, and beside it a small batch of another
workspace is accepted and lands. The bounds are wide: they tell service from none.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.api_workspaces import ApiWorkspaces, running_api
from tests.support.processes import child_processes
from tests.support.server import ApiClient

ACCEPTED_SECONDS = 10
LANDED_SECONDS = 30
ATTACK_SECONDS = 6


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Generator[ApiWorkspaces]:
    allowed = {"EVERLAKE_ATTACHMENT_ALLOW": "127.0.0.1"}
    with running_api("serve", tmp_path_factory.mktemp("fairness"), allowed) as home:
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
    """Send small batches over new connections, as clients do that have nothing to do with it."""
    ends = time.monotonic() + ATTACK_SECONDS
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


def wait_until_complete(api: ApiClient, batch_id: str) -> None:
    """Ask seldom enough for the default rate limit."""
    deadline = time.monotonic() + LANDED_SECONDS
    while (batch := api.batch(batch_id)).get("status") != "COMPLETE":
        assert time.monotonic() < deadline, batch
        time.sleep(0.2)


@contextmanager
def attack(*actions: Callable[[], object]) -> Iterator[None]:
    """Repeat each action in a thread of its own for the length of the block."""
    over = threading.Event()

    def repeat(action: Callable[[], object]) -> None:
        while not over.is_set():
            try:
                action()
            except (httpx.HTTPError, OSError):
                time.sleep(0.05)

    threads = [threading.Thread(target=repeat, args=(one,), daemon=True) for one in actions]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


def memory_of(home: ApiWorkspaces) -> int:
    """The resident memory of the API's processes, in bytes."""
    pids = child_processes(home.server)["api"]
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids]
    return sum(pages) * 4096


def head(api: ApiClient, length: int, path: str = "/api/v1/ingest", method: str = "POST") -> bytes:
    """The head of a request with a body of some length."""
    return (
        f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {api.setup['api_key']}\r\n"
        f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


def connect(home: ApiWorkspaces) -> socket.socket:
    return socket.create_connection(("127.0.0.1", home.server.port), timeout=5)


def test_searches_that_match_everywhere(
    home: ApiWorkspaces, attacker: ApiClient, victim: ApiClient
) -> None:
    text = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(100_000))
    records = [attacker.record(_vendor_ids={"id": f"{n}"}, data={"text": text}) for n in range(4)]
    wait_until_complete(attacker, attacker.accept(records))
    query = " ".join(text[:400])

    def search() -> None:
        attacker.http.get("/api/v1/search", params={"q": query, "limit": 100})

    with attack(*[search] * 16):
        check_service(victim)


def test_records_that_take_long_to_validate(attacker: ApiClient, victim: ApiClient) -> None:
    record = attacker.record(_project_ids=["x"] * 1_200_000, _unknown=1)
    body = json.dumps(record).encode()

    with attack(*[lambda: attacker.post(body)] * 8):
        check_service(victim)


def test_bodies_that_do_not_arrive(
    home: ApiWorkspaces, attacker: ApiClient, victim: ApiClient
) -> None:
    with ExitStack() as stack:
        for _ in range(60):
            one = stack.enter_context(connect(home))
            one.sendall(head(attacker, 4_000_000) + b"[")
            time.sleep(0.02)
        check_service(victim)


def test_parts_of_uploads_that_do_not_arrive(
    home: ApiWorkspaces, attacker: ApiClient, victim: ApiClient
) -> None:
    size = 8 * 1024 * 1024
    with ExitStack() as stack:
        for _ in range(16):
            time.sleep(0.15)
            made = attacker.http.post("/api/v1/uploads", json={"size": size}).json()
            path = f"/api/v1/uploads/{made['upload_intent_id']}"
            one = stack.enter_context(connect(home))
            one.sendall(head(attacker, size, path, "PUT") + b"[")
        made = victim.http.post("/api/v1/uploads", json={"size": 5}).json()
        answer = victim.http.put(
            f"/api/v1/uploads/{made['upload_intent_id']}", content=b"hello", timeout=20
        )
        assert answer.status_code == 200, answer.text
        check_service(victim)


def test_connections_that_say_nothing(home: ApiWorkspaces, victim: ApiClient) -> None:
    with ExitStack() as stack:
        for _ in range(3_000):
            with suppress(TimeoutError):
                stack.enter_context(connect(home))
        check_service(victim)


def test_heads_without_an_end(home: ApiWorkspaces, victim: ApiClient) -> None:
    before = memory_of(home)
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(home)) for _ in range(300)]
        for one in opened:
            one.setblocking(False)
            for chunk in (b"GET / HTTP/1.1\r\nhost: x\r\n", b"a: " + b"b" * 2_000_000):
                try:
                    one.send(chunk)
                except OSError:
                    break
        check_service(victim)
        assert memory_of(home) - before < 300 * 1024 * 1024


def test_http_2_is_not_spoken(home: ApiWorkspaces) -> None:
    with connect(home) as one:
        one.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        one.settimeout(10)
        assert not one.recv(100).startswith(b"\x00\x00")


def test_readers_that_take_nothing(
    home: ApiWorkspaces, attacker: ApiClient, victim: ApiClient
) -> None:
    for n in range(8):
        records = [
            attacker.record(_vendor_ids={"id": f"{n}-{m}"}, data={"text": "x" * 40_000})
            for m in range(100)
        ]
        wait_until_complete(attacker, attacker.accept(records))
    before = memory_of(home)
    with ExitStack() as stack:
        for _ in range(60):
            one = stack.enter_context(connect(home))
            one.sendall(
                b"GET /api/v1/records?limit=100 HTTP/1.1\r\nhost: localhost\r\n"
                b"x-api-key: " + attacker.setup["api_key"].encode() + b"\r\n\r\n"
            )
            time.sleep(0.05)
        check_service(victim)
        assert memory_of(home) - before < 300 * 1024 * 1024


def test_event_streams(home: ApiWorkspaces, attacker: ApiClient, victim: ApiClient) -> None:
    opened = 0
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        attached = [{"type": "file", "vendor_url": url}]
        batch_id = attacker.accept(attacker.record(_attachments=attached))
        for _ in range(80):
            one = stack.enter_context(connect(home))
            one.sendall(
                f"GET /api/v1/ingest/batches/{batch_id}/events HTTP/1.1\r\nhost: localhost\r\n"
                f"x-api-key: {attacker.setup['api_key']}\r\n\r\n".encode()
            )
            one.settimeout(10)
            opened += one.recv(12) == b"HTTP/1.1 200"
            time.sleep(0.06)
        assert opened == 50
        check_service(victim)
