"""HTTPS to a checked address: the host's own name in SNI, and a certificate that is its own."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from tests.support.fetcher_fixture import FetcherFixture, content_bytes
from tests.support.forward_proxy import ForwardProxy
from tests.support.hostile_behaviours import HostileServer, content, hostile_server

HOST = "files.example"
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


class Authority:
    """Signs certificates; ``file`` is its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
        made = self._signed(self._name, self._key, NOW + DAY, ca=True)
        self.file = directory / "authority.pem"
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def context(self, *names: str, until: dt.datetime = NOW + DAY) -> ssl.SSLContext:
        """A server's context with a certificate for ``names``."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        certificate = self._signed(subject, key, until, *names)
        file = self._directory / "server.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        until: dt.datetime,
        *names: str,
        ca: bool = False,
    ) -> x509.Certificate:
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 10 * DAY)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            shown = [
                x509.IPAddress(ipaddress.ip_address(name))
                if name[0].isdigit()
                else x509.DNSName(name)
                for name in names
            ]
            built = built.add_extension(x509.SubjectAlternativeName(shown), critical=False)
        return built.sign(self._key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def serve(authority: Authority) -> Iterator[Callable[..., tuple[HostileServer, list[str | None]]]]:
    """Start a server with a certificate for names; what SNI named is in the list."""
    running: list[Any] = []

    def start(*names: str, **options: Any) -> tuple[HostileServer, list[str | None]]:
        named: list[str | None] = []
        context = authority.context(*names, **options)
        context.sni_callback = lambda _socket, name, _context: named.append(name)
        made = hostile_server(tls=context)
        running.append(made)
        return made.__enter__(), named

    yield start
    for made in running:
        made.__exit__(None, None, None)


def resolve_to_loopback(_host: str, port: int, **_options: Any) -> list[tuple[Any, ...]]:
    """Every name is this machine."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def fetcher_trusting(tmp_path: Path, ca: Path | None) -> FetcherFixture:
    return FetcherFixture(
        tmp_path / "spool", guard=SsrfGuard(["127.0.0.1"], resolver=resolve_to_loopback), ca_file=ca
    )


def test_the_name_of_the_host_is_in_sni_host_and_certificate(
    tmp_path: Path, authority: Authority, serve: Any
) -> None:
    server, named = serve(HOST)
    home = fetcher_trusting(tmp_path, authority.file)

    fetched = home.fetch(server.url("file/3000000", host=HOST))

    assert content_bytes(fetched) == content(3_000_000)
    assert named == [HOST]
    assert server.requests[0].headers["host"] == f"{HOST}:{server.port}"


def test_a_tunnel_through_a_proxy_leads_to_the_host_itself(
    tmp_path: Path, authority: Authority, serve: Any
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


def test_connections_are_kept(tmp_path: Path, authority: Authority, serve: Any) -> None:
    server, _ = serve(HOST)
    home = fetcher_trusting(tmp_path, authority.file)
    for number in range(3):
        home.fetch(server.url(f"file/{number}", host=HOST), name=f"n{number}")

    assert server.connections == 1


def test_an_address_is_looked_for_in_the_certificate(
    tmp_path: Path, authority: Authority, serve: Any
) -> None:
    server, _ = serve("127.0.0.1")
    home = fetcher_trusting(tmp_path, authority.file)

    assert home.fetch(server.url("file/10")).size == 10


@pytest.mark.parametrize("names", [("other.example",), ("127.0.0.1",), ("files.example.evil",)])
def test_a_certificate_of_another_host_is_refused(
    tmp_path: Path, authority: Authority, serve: Any, names: tuple[str, ...]
) -> None:
    server, _ = serve(*names)
    home = fetcher_trusting(tmp_path, authority.file)

    with pytest.raises(FetchError) as caught:
        home.fetch(server.url("file/10", host=HOST))
    assert (caught.value.code, caught.value.retryable) == (FetchCode.TLS_FAILED, False)
    assert server.requests == []


def test_a_certificate_that_ran_out_is_refused(
    tmp_path: Path, authority: Authority, serve: Any
) -> None:
    server, _ = serve(HOST, until=NOW - DAY)
    home = fetcher_trusting(tmp_path, authority.file)

    with pytest.raises(FetchError) as caught:
        home.fetch(server.url("file/10", host=HOST))
    assert caught.value.code == FetchCode.TLS_FAILED


def test_an_authority_that_is_not_trusted_is_refused(tmp_path: Path, serve: Any) -> None:
    server, _ = serve(HOST)

    with pytest.raises(FetchError) as caught:
        fetcher_trusting(tmp_path, None).fetch(server.url("file/10", host=HOST))
    assert caught.value.code == FetchCode.TLS_FAILED


def test_https_to_a_server_without_it_is_an_error_that_passes(tmp_path: Path) -> None:
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
def test_silence_ends_in_time_over_tls_too(
    tmp_path: Path, authority: Authority, serve: Any, path: str
) -> None:
    server, _ = serve(HOST)

    with pytest.raises(FetchError) as caught:
        fetcher_trusting(tmp_path, authority.file).fetch(server.url(path, host=HOST))
    assert caught.value.code == FetchCode.TIMED_OUT


def test_a_handshake_that_does_not_go_on_ends_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://{HOST}:{mute.getsockname()[1]}/"
        with pytest.raises(FetchError) as caught:
            fetcher_trusting(tmp_path, None).fetch(url)
    assert caught.value.code == FetchCode.TIMED_OUT


def test_what_tls_brings_is_cut_off_like_anything_else(
    tmp_path: Path, authority: Authority, serve: Any
) -> None:
    server, _ = serve(HOST)
    home = fetcher_trusting(tmp_path, authority.file)
    url = server.url("cut/900000/600000", host=HOST)

    with pytest.raises(FetchError) as caught:
        home.fetch(url)
    assert caught.value.code == FetchCode.CUT_OFF
    assert content_bytes(home.fetch(url)) == content(900_000)
    assert server.requests[1].range_start == 600_000
