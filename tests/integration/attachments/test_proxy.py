"""A proxy that is used on purpose."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.guard import Guard
from tests.hostile import Hostile
from tests.integration.attachments.home import Home


class Proxy:
    """Notes what it is asked for, and connects everything to one server of this machine."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = client.recv(65_536)
        line = head.partition(b"\r\n")[0].decode()
        self.asked.append(line)
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            if line.startswith("CONNECT"):
                client.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                return
            method, url, version = line.split()
            path = "/" + url.split("/", 3)[3]
            server.sendall(head.replace(line.encode(), f"{method} {path} {version}".encode(), 1))
            while data := server.recv(65_536):
                client.sendall(data)


@pytest.fixture
def proxy(server: Hostile) -> Iterator[Proxy]:
    made = Proxy(server.port)
    yield made
    made.close()


@pytest.fixture
def home(tmp_path: Path, proxy: Proxy) -> Home:
    return Home(tmp_path / "spool", guard=Guard(), proxy=proxy.url)


def test_the_proxy_looks_names_up(home: Home, proxy: Proxy, server: Hostile) -> None:
    assert home.fetch("http://files.example/file/1000?x=1").size == 1_000
    assert proxy.asked == ["GET http://files.example/file/1000?x=1 HTTP/1.1"]
    assert server.requests[0].headers["host"] == "files.example"


def test_https_goes_through_a_tunnel(home: Home, proxy: Proxy) -> None:
    with pytest.raises(FetchError) as caught:
        home.fetch("https://files.example/file/1000")

    assert caught.value.code == FetchCode.CONNECTION_FAILED
    assert proxy.asked[0].startswith("CONNECT files.example:443 ")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "169.254.169.254", "localhost", "a.internal", "database", "0x7f.1"],
)
def test_what_is_known_to_be_inside_does_not_reach_the_proxy(
    home: Home, proxy: Proxy, host: str
) -> None:
    with pytest.raises(FetchError) as caught:
        home.fetch(f"http://{host}/file/1000")

    assert caught.value.code in {FetchCode.ADDRESS_NOT_ALLOWED, FetchCode.URL_NOT_ALLOWED}
    assert proxy.asked == []


def test_a_redirect_to_the_inside_does_not_reach_the_proxy(home: Home, proxy: Proxy) -> None:
    with pytest.raises(FetchError) as caught:
        home.fetch("http://files.example/redirect?to=http://10.0.0.1/")

    assert caught.value.code == FetchCode.ADDRESS_NOT_ALLOWED
    assert len(proxy.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://proxy:3128",
        "socks5://proxy:1080",
        "proxy:3128",
        "http://u:p@proxy:3128",
        "",
        "http://",
    ],
)
def test_a_proxy_of_another_form_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="the proxy's URL"):
        Home(tmp_path, proxy=url)
