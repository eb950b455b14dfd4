"""HTTPS: SNI, certificates, and errors of TLS."""

import datetime as dt
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from tests.support.certificates import CertificateAuthority
from tests.support.fetcher_fixture import FetcherFixture, content_bytes
from tests.support.forward_proxy import ForwardProxy
from tests.support.hostile_behaviours import HostileServer, content, hostile_server

HOST = "files.example"


ServerWithNames: TypeAlias = tuple[HostileServer, list[str | None]]
"""A server, and the host names that its clients sent in SNI."""


@pytest.fixture
def serve(authority: CertificateAuthority) -> Iterator[Callable[..., ServerWithNames]]:
    """A function that starts a server with a certificate for host names and addresses."""
    with ExitStack() as servers:

        def start(*names: str, **options: Any) -> ServerWithNames:
            named: list[str | None] = []
            context = authority.context(*names, **options)
            context.sni_callback = lambda _socket, name, _context: named.append(name)
            return servers.enter_context(hostile_server(tls=context)), named

        yield start


def resolve_to_loopback(_host: str, port: int, **_options: Any) -> list[tuple[Any, ...]]:
    """Resolve every name to this machine."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def fetcher_trusting(tmp_path: Path, ca: Path | None) -> FetcherFixture:
    return FetcherFixture(
        tmp_path / "spool", guard=SsrfGuard(["127.0.0.1"], resolver=resolve_to_loopback), ca_file=ca
    )


def test_the_host_name_is_in_sni_host_header_and_certificate(
    tmp_path: Path, authority: CertificateAuthority, serve: Any
) -> None:
    server, named = serve(HOST)
    home = fetcher_trusting(tmp_path, authority.file)

    fetched = home.fetch(server.url("file/3000000", host=HOST))

    assert content_bytes(fetched) == content(3_000_000)
    assert named == [HOST]
    assert server.requests[0].headers["host"] == f"{HOST}:{server.port}"


def test_tls_through_a_proxy_is_end_to_end(
    tmp_path: Path, authority: CertificateAuthority, serve: Any
) -> None:
    server, named = serve(HOST)
    proxy = ForwardProxy(server.port, allow_connect=True)
    home = FetcherFixture(
        tmp_path / "spool", guard=SsrfGuard(), proxy=proxy.url, ca_file=authority.file
    )

    for number in (300_000, 10):
        fetched = home.fetch(f"https://{HOST}/file/{number}", name=f"n{number}")
        assert content_bytes(fetched) == content(number)

    assert proxy.request_lines == [f"CONNECT {HOST}:443 HTTP/1.1"]
    assert named == [HOST]
    assert {request.headers["host"] for request in server.requests} == {HOST}
    proxy.close()


def test_connections_are_reused(
    tmp_path: Path, authority: CertificateAuthority, serve: Any
) -> None:
    server, _ = serve(HOST)
    home = fetcher_trusting(tmp_path, authority.file)
    for number in range(3):
        home.fetch(server.url(f"file/{number}", host=HOST), name=f"n{number}")

    assert server.connections == 1


def test_a_certificate_for_an_address_is_accepted(
    tmp_path: Path, authority: CertificateAuthority, serve: Any
) -> None:
    server, _ = serve("127.0.0.1")
    home = fetcher_trusting(tmp_path, authority.file)

    assert home.fetch(server.url("file/10")).size == 10


@pytest.mark.parametrize("names", [("other.example",), ("127.0.0.1",), ("files.example.evil",)])
def test_a_certificate_of_another_host_is_refused(
    tmp_path: Path, authority: CertificateAuthority, serve: Any, names: tuple[str, ...]
) -> None:
    server, _ = serve(*names)
    home = fetcher_trusting(tmp_path, authority.file)

    with pytest.raises(FetchError) as caught:
        home.fetch(server.url("file/10", host=HOST))
    assert (caught.value.code, caught.value.retryable) == (FetchCode.TLS_FAILED, False)
    assert server.requests == []


def test_an_expired_certificate_is_refused(
    tmp_path: Path, authority: CertificateAuthority, serve: Any
) -> None:
    server, _ = serve(HOST, until=dt.datetime.now(dt.UTC) - dt.timedelta(days=1))
    home = fetcher_trusting(tmp_path, authority.file)

    with pytest.raises(FetchError) as caught:
        home.fetch(server.url("file/10", host=HOST))
    assert caught.value.code == FetchCode.TLS_FAILED


def test_an_untrusted_authority_is_refused(tmp_path: Path, serve: Any) -> None:
    server, _ = serve(HOST)

    with pytest.raises(FetchError) as caught:
        fetcher_trusting(tmp_path, None).fetch(server.url("file/10", host=HOST))
    assert caught.value.code == FetchCode.TLS_FAILED


def test_https_to_a_plain_server_is_a_retryable_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def serve() -> None:
            connection, _ = plain.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(FetchError) as caught:
            fetcher_trusting(tmp_path, None).fetch(f"https://{HOST}:{plain.getsockname()[1]}/")
    assert (caught.value.code, caught.value.retryable) == (FetchCode.TLS_FAILED, True)


@pytest.mark.parametrize("path", ["silent", "silent-body/10", "slow-headers"])
def test_silent_servers_time_out_over_tls(
    tmp_path: Path, authority: CertificateAuthority, serve: Any, path: str
) -> None:
    server, _ = serve(HOST)

    with pytest.raises(FetchError) as caught:
        fetcher_trusting(tmp_path, authority.file).fetch(server.url(path, host=HOST))
    assert caught.value.code == FetchCode.TIMED_OUT


def test_a_stalled_handshake_times_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://{HOST}:{mute.getsockname()[1]}/"
        with pytest.raises(FetchError) as caught:
            fetcher_trusting(tmp_path, None).fetch(url)
    assert caught.value.code == FetchCode.TIMED_OUT


def test_a_cut_off_tls_download_is_resumed(
    tmp_path: Path, authority: CertificateAuthority, serve: Any
) -> None:
    server, _ = serve(HOST)
    home = fetcher_trusting(tmp_path, authority.file)
    url = server.url("cut/900000/600000", host=HOST)

    with pytest.raises(FetchError) as caught:
        home.fetch(url)
    assert caught.value.code == FetchCode.CUT_OFF
    assert content_bytes(home.fetch(url)) == content(900_000)
    assert server.requests[1].range_start == 600_000
