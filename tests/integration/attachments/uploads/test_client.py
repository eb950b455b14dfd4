"""Client uploads: every kind of storage, resuming, and keeping the API key secret."""

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from everlake.catalog import uploads
from everlake.client import ApiError, Client, StorageRefused, Unreachable, UploadError
from everlake.client.retry import RetryDelay
from tests.support.server import ApiClient
from tests.support.tcp_proxy import tcp_proxy
from tests.support.uploads import (
    PART,
    UploadFixture,
    announce,
    content_of,
    record_with_uploads,
    row_of,
    send_content,
)


@pytest.fixture
def client(api: ApiClient) -> Generator[Client]:
    with Client(api.url, api.setup["api_key"]) as one:
        yield one


def file_of(folder: Path, data: bytes, name: str = "call.mp3") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 3 * PART])
def test_files_of_any_size_are_uploaded(
    place: UploadFixture, api: ApiClient, client: Client, tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    sent: list[int] = []
    path = file_of(tmp_path, data)
    upload_id = client.upload(path, mime_type="audio/mpeg", progress=sent.append)
    assert content_of(place, api, {"upload_intent_id": upload_id}) == data
    api.accept(record_with_uploads(api, upload_id))
    row = row_of(place.home, upload_id)
    assert row is not None
    assert (row["filename"], row["mime_type"]) == ("call.mp3", "audio/mpeg")
    assert sent == sorted(sent)
    assert sent[-1:] == ([size] if size else [])


def test_a_resumed_upload_sends_missing_parts_only(
    place: UploadFixture, api: ApiClient, client: Client, tmp_path: Path
) -> None:
    data = os.urandom(2 * PART + 5)
    upload = announce(api, len(data))
    assert send_content(api, upload["parts"][1], data[PART : 2 * PART]).status_code == 200
    sent: list[int] = []

    client.upload(file_of(tmp_path, data), resume=upload["upload_intent_id"], progress=sent.append)

    assert not [at for at in sent if PART < at <= 2 * PART]
    assert content_of(place, api, upload) == data
    assert client.upload(tmp_path / "call.mp3", resume=upload["upload_intent_id"])


def test_an_upload_is_not_resumed_with_a_file_of_another_size(
    place: UploadFixture, api: ApiClient, client: Client, tmp_path: Path
) -> None:
    upload = announce(api, 10)
    with pytest.raises(UploadError, match="9 bytes"):
        client.upload(file_of(tmp_path, b"123456789"), resume=upload["upload_intent_id"])


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_path_without_a_file_fails_before_any_request(
    place: UploadFixture, api: ApiClient, client: Client, tmp_path: Path, name: str
) -> None:
    with pytest.raises(UploadError):
        client.upload(tmp_path / name)
    with place.home.catalog.autocommit() as tx:
        found = uploads.list_expired(tx, now=2**62, limit=100_000)
    assert [row for row in found if row.workspace_id == api.setup["workspace_id"]] == []


def test_a_rejection_by_the_server_is_raised(
    place: UploadFixture, api: ApiClient, tmp_path: Path
) -> None:
    reader = place.home.key(api, ("api:read",))
    with (
        Client(reader.url, reader.setup["api_key"]) as client,
        pytest.raises(ApiError, match="FORBIDDEN"),
    ):
        client.upload(file_of(tmp_path, b"x"))


def test_cut_connections_are_reopened(place: UploadFixture, api: ApiClient, tmp_path: Path) -> None:
    data = os.urandom(3 * PART)
    delays: list[RetryDelay] = []
    with tcp_proxy(int(api.url.rpartition(":")[2])) as proxy:

        def again(delay: RetryDelay) -> None:
            delays.append(delay)

        def cut(sent: int) -> None:
            if sent > PART and not delays:
                proxy.cut()

        url = f"http://127.0.0.1:{proxy.port}"
        with Client(url, api.setup["api_key"], before_retry=again) as client:
            upload_id = client.upload(file_of(tmp_path, data), progress=cut)
    assert content_of(place, api, {"upload_intent_id": upload_id}) == data
    assert bool(delays) != place.direct


class RedirectingServer:
    """Server whose upload targets are other URLs; it records each request with its key."""

    def __init__(self) -> None:
        self.url = ""
        self.target = ""
        self.status_of_put = 200
        self.requests: list[tuple[str, str, str | None, bytes]] = []

    def answer(self, method: str) -> tuple[int, bytes]:
        done = any(each[0] == "PUT" for each in self.requests) and self.status_of_put == 200
        upload: dict[str, Any] = {
            "upload_intent_id": "upl_x",
            "status": "COMPLETE" if done else "PENDING",
            "expiresAt": 1,
            "size": 5,
            "partSize": PART,
            "receivedBytes": 0,
        }
        if not done:
            upload["whole"] = {"method": "PUT", "url": self.target, "headers": {"X-Mine": "yes"}}
        if method == "PUT":
            return self.status_of_put, b"<Error/>"
        return (201 if method == "POST" else 200), msgspec.json.encode(upload)


@contextmanager
def redirecting_server() -> Generator[RedirectingServer]:
    fake = RedirectingServer()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            key = self.headers["x-api-key"] or self.headers["authorization"]
            fake.requests.append((self.command, self.path, key, body))
            status, text = fake.answer(self.command)
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - the base's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        fake.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("form", ["{elsewhere}/bucket?sig=1", "{itself}/bucket?sig=1"])
def test_the_key_is_not_sent_to_absolute_urls(tmp_path: Path, form: str) -> None:
    with redirecting_server() as server, redirecting_server() as elsewhere:
        server.target = form.format(elsewhere=elsewhere.url, itself=server.url)
        target = elsewhere if "elsewhere" in form else server
        server.status_of_put = 403
        with (
            Client(server.url, "em_sk_secret", before_retry=lambda _: None) as client,
            pytest.raises(UploadError, match="was not uploaded"),
        ):
            client.upload(file_of(tmp_path, b"hello"))
        puts = [each for each in target.requests if each[0] == "PUT"]
        assert puts
        assert {(path, key, body) for _, path, key, body in puts} == {
            ("/bucket?sig=1", None, b"hello")
        }
        assert all(
            key == "em_sk_secret" for method, _, key, _ in server.requests if method != "PUT"
        )


@pytest.mark.parametrize(
    "target", ["//evil.example/x", "ftp://evil.example/x", "file:///etc/passwd", "relative", ""]
)
def test_invalid_target_urls_are_not_requested(tmp_path: Path, target: str) -> None:
    with redirecting_server() as server:
        server.target = target
        with (
            Client(server.url, "em_sk_secret", attempts=1, before_retry=lambda _: None) as client,
            pytest.raises(Unreachable),
        ):
            client.upload(file_of(tmp_path, b"hello"))
        assert [each for each in server.requests if each[0] == "PUT"] == []


def test_a_rejection_by_the_storage_is_raised(tmp_path: Path) -> None:
    with redirecting_server() as server:
        server.target = server.url + "/bucket"
        server.status_of_put = 400
        with (
            Client(server.url, "em_sk_secret", before_retry=lambda _: None) as client,
            pytest.raises(StorageRefused, match="400"),
        ):
            client.upload(file_of(tmp_path, b"hello"))
