"""Attacks of one client on a server: each claims, for the length of a block, what it can."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import TypeAlias

import httpx

from tests.support.sample_files import repeated_drawing
from tests.support.server import ApiClient

Attack: TypeAlias = Callable[[ApiClient], AbstractContextManager[None]]
SCATTERED = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(100_000))
"""A text of a script without spaces, in which characters repeat seldom."""
_UPLOAD_BYTES = 8 * 1024 * 1024
_PAUSE = 0.12
"""Seconds between two requests of a key, within its default rate."""


def wait_until_complete(api: ApiClient, batch_id: str, within: float = 30) -> None:
    """Wait for a batch, and ask seldom enough for the default rate."""
    deadline = time.monotonic() + within
    while (batch := api.batch(batch_id)).get("status") != "COMPLETE":
        assert time.monotonic() < deadline, batch
        time.sleep(0.2)


def send_file(api: ApiClient, name: str, content: bytes) -> str:
    """Send a record with a file, and return the batch's id."""
    made = api.http.post("/api/v1/uploads", json={"size": len(content), "filename": name})
    upload_id = made.json()["upload_intent_id"]
    api.http.put(f"/api/v1/uploads/{upload_id}", content=content).raise_for_status()
    attached = [{"type": "file", "upload_intent_id": upload_id}]
    return api.accept(api.record(_vendor_ids={"id": name}, _attachments=attached))


def connect(api: ApiClient, *, receive_buffer: int | None = None) -> socket.socket:
    """Open a connection to the server; with a small buffer the system reads little of it."""
    one = socket.socket()
    one.settimeout(5)
    if receive_buffer is not None:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        one.connect(("127.0.0.1", httpx.URL(api.url).port or 0))
    except BaseException:
        one.close()
        raise
    return one


def request_head(api: ApiClient, target: str, length: int = 0, method: str = "GET") -> bytes:
    """Return the head of a request, with a body of some length."""
    lines = [
        f"{method} {target} HTTP/1.1",
        "host: localhost",
        f"x-api-key: {api.setup['api_key']}",
        *([f"content-type: application/json\r\ncontent-length: {length}"] if length else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@contextmanager
def searches(api: ApiClient) -> Iterator[None]:
    """Many searches at once, for many words that occur all over long texts."""
    records = [
        api.record(_vendor_ids={"id": f"{n}"}, data={"text": SCATTERED[n:]}) for n in range(4)
    ]
    wait_until_complete(api, api.accept(records))
    query = {"q": " ".join(SCATTERED[:400]), "limit": "100"}
    with _repeated(16, lambda: api.http.get("/api/v1/search", params=query)):
        yield


@contextmanager
def invalid_records(api: ApiClient) -> Iterator[None]:
    """Large records that take long to validate."""
    body = json.dumps(api.record(_project_ids=["x"] * 1_200_000, _unknown=1)).encode()
    with _repeated(8, lambda: api.post(body)):
        yield


@contextmanager
def stalled_bodies(api: ApiClient) -> Iterator[None]:
    """Requests that announce four megabytes, and send a byte."""
    with ExitStack() as stack:
        for _ in range(60):
            one = stack.enter_context(connect(api))
            one.sendall(request_head(api, "/api/v1/ingest", 4_000_000, "POST") + b"[")
            time.sleep(_PAUSE)
        yield


@contextmanager
def stalled_uploads(api: ApiClient) -> Iterator[None]:
    """Parts of uploads of which a byte arrives."""
    with ExitStack() as stack:
        for _ in range(16):
            time.sleep(_PAUSE)
            made = api.http.post("/api/v1/uploads", json={"size": _UPLOAD_BYTES}).json()
            target = f"/api/v1/uploads/{made['upload_intent_id']}"
            one = stack.enter_context(connect(api))
            one.sendall(request_head(api, target, _UPLOAD_BYTES, "PUT") + b"[")
            time.sleep(_PAUSE)
        yield


@contextmanager
def silent_connections(api: ApiClient) -> Iterator[None]:
    """More connections than a process serves, without a key, that send nothing."""
    with ExitStack() as stack:
        for _ in range(3_000):
            with suppress(TimeoutError):
                stack.enter_context(connect(api))
        yield


@contextmanager
def unread_bodies(api: ApiClient) -> Iterator[None]:
    """Requests without a valid key, on more connections than there may be; their bodies stop."""
    head = request_head(api, "/api/v1/ingest", 60_000_000, "POST").replace(b"em_sk_", b"em_xx_")
    with ExitStack() as stack:
        for _ in range(1_500):
            with suppress(OSError):
                one = stack.enter_context(connect(api))
                one.sendall(head + b"[" * 1_000)
        yield


@contextmanager
def endless_heads(api: ApiClient) -> Iterator[None]:
    """Heads of requests, without a key, that do not end."""
    with ExitStack() as stack:
        opened = [stack.enter_context(connect(api)) for _ in range(300)]
        for one in opened:
            one.setblocking(False)
            with suppress(OSError):
                one.send(b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"b" * 2_000_000)
        yield


@contextmanager
def unread_answers(api: ApiClient) -> Iterator[None]:
    """Requests for large pages, of which nothing is read."""
    for n in range(8):
        records = [
            api.record(_vendor_ids={"id": f"{n}-{m}"}, data={"text": "x" * 40_000})
            for m in range(100)
        ]
        wait_until_complete(api, api.accept(records))
    with ExitStack() as stack:
        for _ in range(200):
            one = stack.enter_context(connect(api, receive_buffer=4_096))
            one.sendall(request_head(api, "/api/v1/records?limit=100"))
            time.sleep(_PAUSE)
        yield


@contextmanager
def event_streams(api: ApiClient) -> Iterator[None]:
    """As many event streams as the key may open; the batch's attachment never arrives."""
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        attached = [{"type": "file", "vendor_url": url}]
        batch_id = api.accept(api.record(_attachments=attached))
        for _ in range(80):
            one = stack.enter_context(connect(api))
            one.sendall(request_head(api, f"/api/v1/ingest/batches/{batch_id}/events"))
            time.sleep(_PAUSE)
        yield


@contextmanager
def slow_files(api: ApiClient) -> Iterator[None]:
    """Files that keep their readers computing for as long as they may."""
    for number in range(6):
        send_file(api, f"{number}.pdf", repeated_drawing(1_000_000 + number))
        time.sleep(_PAUSE)
    markup = b" <!--x-->" * 24 + b"<"
    send_file(api, "a.html", markup * (64 * 1024 // len(markup)))
    yield


ATTACKS: Mapping[str, Attack] = {
    "searches": searches,
    "invalid records": invalid_records,
    "stalled bodies": stalled_bodies,
    "stalled uploads": stalled_uploads,
    "silent connections": silent_connections,
    "unread bodies": unread_bodies,
    "endless heads": endless_heads,
    "unread answers": unread_answers,
    "event streams": event_streams,
    "slow files": slow_files,
}
ATTACKED_SETTINGS = {"EVERLAKE_ATTACHMENT_ALLOW": "127.0.0.1"}
"""Settings of a server that is attacked; all limits are the defaults."""


@contextmanager
def _repeated(threads: int, action: Callable[[], object]) -> Iterator[None]:
    """Repeat an action in some threads for the length of the block."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            try:
                action()
            except (httpx.HTTPError, OSError):
                time.sleep(0.05)

    running = [threading.Thread(target=repeat, daemon=True) for _ in range(threads)]
    for one in running:
        one.start()
    try:
        yield
    finally:
        over.set()
        for one in running:
            one.join(60)
