"""The error codes of the installed libcurl, which the classification of errors depends on.

An upgrade that reports another code for the same cause fails here.
"""

import datetime as dt
import socket
import threading
import time
from contextlib import closing
from typing import Any

import pycurl
import pytest

from everlake.attachments.fetching.curl_session import CurlSession
from everlake.attachments.fetching.types import ConnectionOptions, CurlError
from everlake.attachments.fetching.url import parse
from tests.support.certificates import CertificateAuthority
from tests.support.forward_proxy import ForwardProxy
from tests.support.hostile_behaviours import RAW, HostileServer, hostile_server

HOST = "files.example"
E_TOO_LARGE = 100
"""CURLE_TOO_LARGE of curl/curl.h, for which pycurl has no name."""
E_WEIRD_SERVER_REPLY = 8
"""CURLE_WEIRD_SERVER_REPLY of curl/curl.h, which pycurl has under its old name."""


def transfer_error(url: str, address: str = "127.0.0.1", **options: Any) -> CurlError | None:
    """The error of one transfer; None when it succeeds."""
    session = CurlSession(ConnectionOptions(**{"connect_timeout": 2, **options}))
    deadline = time.monotonic() + 30
    with closing(session):
        session.start(parse(url), address, [])
        while not session.done:
            assert time.monotonic() < deadline
            session.perform(0.1)
            session.read_available()
    return session.error


def outcome(error: CurlError | None) -> tuple[int, bool]:
    assert error is not None
    return error.code, error.connected


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_closed_port() -> None:
    error = transfer_error(f"http://127.0.0.1:{unused_port()}/")

    assert outcome(error) == (pycurl.E_COULDNT_CONNECT, False)


def test_a_socket_that_is_refused(server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SSRF guard depends on it: no socket is opened to another address than the checked one."""
    monkeypatch.setattr(CurlSession, "_open_socket", lambda *_: pycurl.SOCKET_BAD)

    assert outcome(transfer_error(server.url("file/1"))) == (pycurl.E_COULDNT_CONNECT, False)
    assert server.connections == 0


def test_a_proxy_whose_name_is_unknown() -> None:
    error = transfer_error(f"https://{HOST}/", proxy="http://proxy.invalid:3128")

    assert outcome(error) == (pycurl.E_COULDNT_RESOLVE_PROXY, False)


def test_a_proxy_that_refuses_to_connect(server: HostileServer) -> None:
    proxy = ForwardProxy(server.port, allow_connect=False)
    with closing(proxy):
        error = transfer_error(f"https://{HOST}/", proxy=proxy.url)

    assert outcome(error) == (pycurl.E_COULDNT_CONNECT, False)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_does_not_run(scheme: str) -> None:
    error = transfer_error(f"{scheme}://{HOST}/", proxy=f"http://127.0.0.1:{unused_port()}")

    assert outcome(error) == (pycurl.E_COULDNT_CONNECT, False)


def test_a_handshake_without_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = transfer_error(f"https://127.0.0.1:{silent.getsockname()[1]}/", connect_timeout=0.2)

    assert outcome(error) == (pycurl.E_OPERATION_TIMEDOUT, False)


def test_a_server_that_does_not_speak_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def answer() -> None:
            connection, _ = plain.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        error = transfer_error(f"https://127.0.0.1:{plain.getsockname()[1]}/")

    assert outcome(error) == (pycurl.E_SSL_CONNECT_ERROR, False)


def test_certificates_that_are_not_valid(authority: CertificateAuthority) -> None:
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    with hostile_server(tls=authority.context(HOST)) as server:
        url = server.url("file/10", host=HOST)
        assert transfer_error(url, ca_file=authority.file) is None
        untrusted = transfer_error(url)
        wrong_name = transfer_error(
            server.url("file/10", host="other.example"), ca_file=authority.file
        )
    with hostile_server(tls=authority.context(HOST, until=yesterday)) as server:
        expired = transfer_error(server.url("file/10", host=HOST), ca_file=authority.file)

    for error in (untrusted, wrong_name, expired):
        assert outcome(error) == (pycurl.E_PEER_FAILED_VERIFICATION, False)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("short/1000", pycurl.E_PARTIAL_FILE),
        ("cut-always/900/500", pycurl.E_PARTIAL_FILE),
        ("chunked-no-end/1000", pycurl.E_PARTIAL_FILE),
        ("reset/1000", pycurl.E_RECV_ERROR),
        ("length/ten", E_WEIRD_SERVER_REPLY),
        ("length/10/11", E_WEIRD_SERVER_REPLY),
    ],
)
def test_a_response_that_ends_early_or_lies(server: HostileServer, path: str, code: int) -> None:
    assert outcome(transfer_error(server.url(path))) == (code, True)


def test_a_tls_connection_that_ends_early(authority: CertificateAuthority) -> None:
    with hostile_server(tls=authority.context(HOST)) as server:
        for path in ("short/1000", "reset/1000", "raw/nothing"):
            error = transfer_error(server.url(path, host=HOST), ca_file=authority.file)
            assert outcome(error) == (pycurl.E_RECV_ERROR, True)


RAW_CODES = {
    "garbage": pycurl.E_UNSUPPORTED_PROTOCOL,
    "banner": pycurl.E_UNSUPPORTED_PROTOCOL,
    "icy": pycurl.E_UNSUPPORTED_PROTOCOL,
    "nothing": pycurl.E_GOT_NOTHING,
    "half-a-line": pycurl.E_GOT_NOTHING,
    "no-status": pycurl.E_UNSUPPORTED_PROTOCOL,
    # The header callback of CurlSession ends these two.
    "odd-status": pycurl.E_WRITE_ERROR,
    "http-2": pycurl.E_WRITE_ERROR,
    "many-headers": E_TOO_LARGE,
    "long-header": E_TOO_LARGE,
    "long-status": E_TOO_LARGE,
    "chunk-garbage": pycurl.E_RECV_ERROR,
    "chunk-negative": pycurl.E_RECV_ERROR,
    "chunk-huge": pycurl.E_RECV_ERROR,
    "chunk-line": pycurl.E_RECV_ERROR,
}
NO_ERROR = {"half-a-head"}
"""libcurl takes the end of the connection for the end of the headers."""


@pytest.mark.parametrize("kind", sorted(RAW_CODES))
def test_a_response_that_is_not_http(server: HostileServer, kind: str) -> None:
    assert outcome(transfer_error(server.url(f"raw/{kind}"))) == (RAW_CODES[kind], True)


@pytest.mark.parametrize("kind", sorted(NO_ERROR))
def test_a_response_that_is_not_http_without_an_error(server: HostileServer, kind: str) -> None:
    assert transfer_error(server.url(f"raw/{kind}")) is None


def test_no_kind_of_invalid_response_is_left_out() -> None:
    assert RAW.keys() == RAW_CODES.keys() | NO_ERROR


def test_libcurl_has_what_the_ssrf_guard_depends_on() -> None:
    features: int = pycurl.version_info()[4]

    assert features & pycurl.VERSION_SSL
    for option in ("OPENSOCKETFUNCTION", "PREREQFUNCTION", "M_TIMERFUNCTION", "CONNECT_TO"):
        assert hasattr(pycurl, option), option
