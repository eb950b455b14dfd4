"""Fetching through a configured proxy."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching import session_pool
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from tests.support.fetcher_fixture import FetcherFixture
from tests.support.forward_proxy import ForwardProxy
from tests.support.hostile_behaviours import HostileServer


@pytest.fixture
def proxy(server: HostileServer) -> Iterator[ForwardProxy]:
    made = ForwardProxy(server.port)
    yield made
    made.close()


@pytest.fixture
def home(tmp_path: Path, proxy: ForwardProxy) -> FetcherFixture:
    return FetcherFixture(tmp_path / "spool", guard=SsrfGuard(), proxy=proxy.url)


def test_the_proxy_resolves_names(
    home: FetcherFixture, proxy: ForwardProxy, server: HostileServer
) -> None:
    assert home.fetch("http://files.example/file/1000?x=1").size == 1_000
    assert proxy.request_lines == ["GET http://files.example/file/1000?x=1 HTTP/1.1"]
    assert server.requests[0].headers["host"] == "files.example"


def test_a_refused_tunnel_is_a_connection_error(home: FetcherFixture, proxy: ForwardProxy) -> None:
    with pytest.raises(FetchError) as caught:
        home.fetch("https://files.example/file/1000")

    assert caught.value.code == FetchCode.CONNECTION_FAILED
    assert proxy.request_lines[0].startswith("CONNECT files.example:443 ")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "169.254.169.254", "localhost", "a.internal", "database", "0x7f.1"],
)
def test_internal_hosts_are_not_requested_from_the_proxy(
    home: FetcherFixture, proxy: ForwardProxy, host: str
) -> None:
    with pytest.raises(FetchError) as caught:
        home.fetch(f"http://{host}/file/1000")

    assert caught.value.code in {FetchCode.ADDRESS_NOT_ALLOWED, FetchCode.URL_NOT_ALLOWED}
    assert proxy.request_lines == []


def test_redirects_to_internal_hosts_are_not_requested_from_the_proxy(
    home: FetcherFixture, proxy: ForwardProxy
) -> None:
    with pytest.raises(FetchError) as caught:
        home.fetch("http://files.example/redirect?to=http://10.0.0.1/")

    assert caught.value.code == FetchCode.ADDRESS_NOT_ALLOWED
    assert len(proxy.request_lines) == 1


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
def test_an_invalid_proxy_url_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="the proxy's URL"):
        FetcherFixture(tmp_path, proxy=url)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_stopped_proxy_is_a_connection_error(
    home: FetcherFixture, proxy: ForwardProxy, scheme: str
) -> None:
    proxy.close()

    with pytest.raises(FetchError) as caught:
        home.fetch(f"{scheme}://files.example/file/1000")
    assert (caught.value.code, caught.value.retryable) == (FetchCode.CONNECTION_FAILED, True)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silent_proxy_times_out(tmp_path: Path, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        home = FetcherFixture(tmp_path / "spool", guard=SsrfGuard(), proxy=url)

        with pytest.raises(FetchError) as caught:
            home.fetch(f"{scheme}://files.example/file/1000")
    assert (caught.value.code, caught.value.retryable) == (FetchCode.TIMED_OUT, True)


def test_a_connection_to_the_proxy_serves_one_host(
    home: FetcherFixture, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes after the end of one host's response would otherwise answer for the next host."""
    monkeypatch.setattr(session_pool, "MAX_IDLE_SESSIONS", 1)  # so that they share a session

    for host in ("a.example", "b.example"):
        assert home.fetch(f"http://{host}/file/1000", name=host[0]).size == 1_000

    assert len(proxy.request_lines) == 2
