"""The ``Host`` header (RFC 9112, 3.2), and the URL that clients are shown."""

import pytest

from tests.support.api_workspaces import ApiWorkspaces
from tests.support.raw_http import connect, read_all


def answer(home: ApiWorkspaces, path: str, *lines: str, version: str = "1.1") -> bytes:
    with connect(home.workspace()) as wire:
        head = [f"GET {path} HTTP/{version}", "Connection: close", *lines, "", ""]
        wire.sendall("\r\n".join(head).encode())
        return read_all(wire)


@pytest.mark.parametrize("path", ["/llms.txt", "/docs", "/healthz", "/nothing"])
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("Host: a", "Host: b"), id="twice"),
        pytest.param(("Host: a:port",), id="a word for a port"),
        pytest.param(("Host: a:99999",), id="a port beyond the last"),
        pytest.param(("Host: a/b",), id="a path"),
        pytest.param(("Host: a@b",), id="a user"),
        pytest.param(("Host: <script>",), id="markup"),
    ],
)
def test_a_host_that_is_none_is_refused(
    still: ApiWorkspaces, path: str, lines: tuple[str, ...]
) -> None:
    received = answer(still, path, *lines)

    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"Traceback" not in received


@pytest.mark.parametrize("host", ["example.com", "example.com:8443", "127.0.0.1:80", "[::1]:8400"])
def test_the_host_of_the_request_is_shown(still: ApiWorkspaces, host: str) -> None:
    assert f"Base URL: http://{host}\n".encode() in answer(still, "/llms.txt", f"Host: {host}")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_health_checks_of_load_balancers_name_no_host(still: ApiWorkspaces, version: str) -> None:
    assert b" 200 " in answer(still, "/healthz", version=version).splitlines()[0]
