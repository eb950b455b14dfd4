# ruff: noqa: S104  (an address to be refused, not one to bind to)
"""SSRF: no URL, redirect or name leads to an internal address, in any notation."""

import ipaddress
import socket
import string
from collections.abc import Collection, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pycurl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching.curl_session import CurlSession
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from everlake.attachments.fetching.types import ConnectionOptions
from everlake.attachments.fetching.url import parse
from tests.support.fetcher_fixture import FetcherFixture, content_bytes
from tests.support.hostile_behaviours import HostileServer, content, hostile_server

REFUSAL_CODES = {FetchCode.URL_NOT_ALLOWED, FetchCode.ADDRESS_NOT_ALLOWED}
INTERNAL_HOSTS = [
    # Loopback, in every spelling that getaddrinfo or a browser reads as an address.
    "127.0.0.1", "127.1", "127.0.1", "0127.0.0.1", "0177.0.0.1", "0177.1", "0x7f.0.0.1", "0x7f.1",
    "0x7f000001", "0X7F000001", "2130706433", "017700000001", "127.0.0.1.", "127.255.255.254",
    "127.000.000.001", "127.0.0.0x1", "127.0.0.01", "0", "0.0.0.0", "0.0", "0.1.2.3", "0x0",
    "4294967295", "99999999999", "127.0.0.1.0", "1.2.3.4.5", "256.1.1.1", "127..0.0.1",
    ".127.0.0.1",
    # Other digits and dots.
    "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "127\uff0e0\uff0e0\uff0e1",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "127.0.0.\u00b9", "\u0661\u0662\u0667.0.0.1",
    "\u24dbocalhost", "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
    "localho\u017ft", "loc\u00adalhost", "loca\u200blhost", "LOCALHOST\u3002",
    # Names.
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain",
    "metadata.google.internal", "printer.local", "nas.home.arpa",
    # IPv6.
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[fe80::1]", "[fe80::1%25lo]", "[fe80::1%lo]",
    "[::1%25lo]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]",
    "[100::1]", "[::ffff:0:127.0.0.1]", "[v1.x]", "[]", "[::1", "::1", "[127.0.0.1]", "[[::1]]",
    # Networks that are not public.
    "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "169.254.0.1",
    "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.8", "192.0.0.170", "192.0.2.1",
    "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "2852039166", "0xA9FEA9FE", "0251.0376.0251.0376",
    # No hosts at all.
    "", ".", "..", "%31%32%37.0.0.1", "127.0.0.1%00", "127.0.0.1%2f", "127.0.0.1\\@example.com",
    "127.0.0.1 ", " 127.0.0.1", "127.0.0.1\t", "127.0.0.1\n", "127.0.0.1\x00.example.com", "a b",
    "user@127.0.0.1", "user:pass@127.0.0.1", "example.com@127.0.0.1", "@127.0.0.1",
    "127.0.0.1,example.com", "127.0.0.1;", "$(hostname)", "-a.example", "a-.example", "a..example",
    "x" * 64 + ".example", "xn--\u00fc.example", "*", "127.0.0.1&",
]  # fmt: skip
MALFORMED_URLS = [
    "file:///etc/passwd", "ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_x",
    "data:text/plain,x", "javascript:alert(1)", "dict://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "unix:///run/docker.sock", "http+unix://%2Frun%2Fdocker.sock/", "//127.0.0.1:{port}/",
    "/file/1", "127.0.0.1:{port}/file/1", "", "http:", "http:/", "http://",
    "http:///127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/", "http:/127.0.0.1:{port}/", "http:\\\\127.0.0.1:{port}\\",
    "http://127.0.0.1:{port}\\@example.com/", "http://example.com\\@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/", "http://example.com:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@example.com/", "http://127.0.0.1:{port}?@example.com/",
    "http://example.com:{port}:80/", "http://127.0.0.1:+{port}/", "http://127.0.0.1:0{port}/",
    "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:-1/", "http://127.0.0.1:/",
    "http://127.0.0.1:{port}a/", "http://127.0.0.1: {port}/", "http://127.0.0.1:\uff18\uff10/",
    "http://127.0.0.1:{port}/a b", "http://127.0.0.1:{port}/\r\nX-Evil: 1",
    "\thttp://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\x7f", "ht\ntp://127.0.0.1:{port}/", "http\u2236//127.0.0.1:{port}/",
    "HTTP://127.0.0.1:{port}/", "https://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/" + "x" * 9_000,
]  # fmt: skip


@pytest.fixture(scope="module")
def inside() -> Iterator[list[HostileServer]]:
    """Servers on internal addresses: IPv4 loopback, all interfaces, and IPv6 loopback."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(hostile_server("127.0.0.1")),
            stack.enter_context(hostile_server("0.0.0.0")),
        ]
        with suppress(OSError):
            servers.append(stack.enter_context(hostile_server("::1")))
        yield servers


@pytest.fixture
def home(tmp_path: Path) -> FetcherFixture:
    return FetcherFixture(tmp_path / "spool", guard=SsrfGuard())


def assert_refused(
    home: FetcherFixture, url: str, codes: Collection[FetchCode] = REFUSAL_CODES
) -> None:
    with pytest.raises(FetchError) as caught:
        home.fetch(url)
    assert caught.value.code in codes, caught.value
    assert not caught.value.retryable
    assert home.files == []


def no_connections(inside: list[HostileServer]) -> bool:
    return not any(server.connections for server in inside)


@pytest.mark.parametrize("host", INTERNAL_HOSTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_notation_of_an_internal_host_is_requested(
    home: FetcherFixture, inside: list[HostileServer], scheme: str, host: str
) -> None:
    for server in inside:
        assert_refused(home, f"{scheme}://{host}:{server.port}/file/1")
    assert_refused(home, f"{scheme}://{host}/file/1")

    assert no_connections(inside)


@pytest.mark.parametrize("url", MALFORMED_URLS)
def test_malformed_urls_are_not_requested(
    home: FetcherFixture, inside: list[HostileServer], url: str
) -> None:
    for server in inside:
        assert_refused(home, url.replace("{port}", str(server.port)))

    assert no_connections(inside)


@pytest.mark.parametrize(
    "host",
    [host for host in INTERNAL_HOSTS if host and "\r" not in host and "\n" not in host],
)
def test_no_redirect_to_an_internal_host_is_followed(
    server: HostileServer, inside: list[HostileServer], tmp_path: Path, host: str
) -> None:
    home = FetcherFixture(tmp_path / "spool", guard=SsrfGuard([f"127.0.0.1:{server.port}"]))

    # A header with NUL in it is none (RFC 9110, section 5.5).
    codes = {FetchCode.BAD_ANSWER} if "\0" in host else REFUSAL_CODES
    to = quote(f"http://{host}:{inside[0].port}/file/1")
    assert_refused(home, server.url(f"redirect?to={to}"), codes)
    assert no_connections(inside)


@pytest.mark.parametrize(
    "to",
    [
        "file:///etc/passwd", "ftp://127.0.0.1/", "//127.0.0.1:{port}/", "http://[::1]:{port}/",
        "http://127.0.0.1:{port}", "\\\\127.0.0.1:{port}\\", "/\\127.0.0.1:{port}/", "http:////x/",
        "http://user@127.0.0.1:{own}/file/1", "data:,x", "http://[::1", "/a b", "/a\tb", "//",
        "///127.0.0.1:{port}/", "http://127.0.0.1:{own}@127.0.0.1:{port}/", "/" + "x" * 9_000,
    ],
)  # fmt: skip
def test_malformed_redirects_are_refused(
    server: HostileServer, inside: list[HostileServer], tmp_path: Path, to: str
) -> None:
    home = FetcherFixture(tmp_path / "spool", guard=SsrfGuard([f"127.0.0.1:{server.port}"]))
    place = to.replace("{port}", str(inside[0].port)).replace("{own}", str(server.port))

    assert_refused(home, server.url(f"redirect?to={quote(place)}"))
    assert no_connections(inside)


class ChangingResolver:
    """Resolver whose answers change from call to call."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.calls = 0

    def __call__(self, _host: str, port: int, **_options: Any) -> list[tuple[Any, ...]]:
        self.calls += 1
        found = self.answers.pop(0)
        return [
            (socket.AF_INET6, 1, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, 1, 6, "", (address, port))
            for address in found
        ]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"], ["10.1.2.3", "::1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], ["0.0.0.0"],
        ["169.254.169.254"], ["fd00:ec2::254"], ["fe80::1%eth0"], ["2002:7f00:1::"], ["nonsense"],
    ],
)  # fmt: skip
def test_a_name_with_an_internal_address_is_refused(
    inside: list[HostileServer], tmp_path: Path, addresses: list[str]
) -> None:
    home = FetcherFixture(tmp_path / "spool", guard=SsrfGuard(resolver=ChangingResolver(addresses)))

    assert_refused(home, f"http://files.example:{inside[0].port}/file/1")
    assert no_connections(inside)


def test_internal_addresses_of_a_name_are_left_out() -> None:
    names = ChangingResolver(
        ["127.0.0.1", "93.184.216.34", "10.0.0.1", "2606:2800:220:1::1", "::1"]
    )
    guard = SsrfGuard(resolver=names)

    assert guard.resolve(parse("http://files.example/")) == [
        "93.184.216.34",
        "2606:2800:220:1::1",
    ]


def test_a_name_is_resolved_once_per_hop(server: HostileServer, tmp_path: Path) -> None:
    """DNS rebinding: a second answer would lead elsewhere, and is never requested."""
    names = ChangingResolver(["127.0.0.1"], ["127.0.0.1"])
    guard = SsrfGuard([f"127.0.0.1:{server.port}"], resolver=names)
    home = FetcherFixture(tmp_path / "spool", guard=guard)

    home.fetch(server.url("redirect?to=/file/1000", host="files.example"))

    assert names.calls == 2
    assert [request.headers["host"] for request in server.requests] == [
        f"files.example:{server.port}"
    ] * 2


def test_a_name_that_becomes_internal_at_a_redirect_is_refused(
    server: HostileServer, inside: list[HostileServer], tmp_path: Path
) -> None:
    names = ChangingResolver(["127.0.0.1"], ["127.0.0.2"])
    guard = SsrfGuard([f"127.0.0.1:{server.port}"], resolver=names)
    home = FetcherFixture(tmp_path / "spool", guard=guard)

    assert_refused(home, server.url("redirect?to=/file/1", host="files.example"))
    assert len(server.requests) == 1


def test_a_kept_connection_is_not_used_for_another_host(
    server: HostileServer, tmp_path: Path
) -> None:
    home = FetcherFixture(
        tmp_path / "spool",
        guard=SsrfGuard(
            ["127.0.0.1"], resolver=ChangingResolver(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"])
        ),
    )
    home.fetch(server.url("file/1", host="a.example"), name="a")
    home.fetch(server.url("file/1", host="b.example"), name="b")
    home.fetch(server.url("file/1", host="a.example"), name="c")

    assert server.connections == 2


def test_a_kept_connection_is_not_used_for_another_address(tmp_path: Path) -> None:
    with hostile_server("127.0.0.1") as first, hostile_server("127.0.0.2", first.port) as second:
        names = ChangingResolver(["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2", "127.0.0.1"])
        home = FetcherFixture(tmp_path / "spool", guard=SsrfGuard(["127.0.0.0/8"], resolver=names))
        for name in ("a", "b", "c"):
            home.fetch(first.url("file/1", host="files.example"), name=name)

        assert [len(one.requests) for one in (first, second)] == [1, 2]
        assert [one.connections for one in (first, second)] == [1, 1]


def test_sockets_are_opened_to_the_checked_address_only(
    inside: list[HostileServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if libcurl connected to the host of the URL."""
    monkeypatch.setattr(pycurl, "CONNECT_TO", pycurl.HTTP200ALIASES)
    session = CurlSession(ConnectionOptions(connect_timeout=2))

    session.start(parse(f"http://127.0.0.1:{inside[0].port}/file/1"), "127.0.0.9", [])
    while not session.done:
        session.perform(0.1)
    session.close()

    assert session.error is not None
    assert session.error.code == pycurl.E_COULDNT_CONNECT
    assert no_connections(inside)


def test_an_allowed_host_may_have_any_address(server: HostileServer, tmp_path: Path) -> None:
    guard = SsrfGuard(["files.internal"], resolver=ChangingResolver(["127.0.0.1"]))
    home = FetcherFixture(tmp_path / "spool", guard=guard)

    fetched = home.fetch(server.url("file/1000", host="files.internal"))

    assert content_bytes(fetched) == content(1_000)


def test_the_next_address_is_tried_after_a_failed_connection(
    server: HostileServer, tmp_path: Path
) -> None:
    guard = SsrfGuard(["files.internal"], resolver=ChangingResolver(["127.0.0.77", "127.0.0.1"]))
    home = FetcherFixture(tmp_path / "spool", guard=guard)

    assert home.fetch(server.url("file/1000", host="files.internal")).size == 1_000


@pytest.mark.parametrize(
    ("number", "passes"), [(socket.EAI_AGAIN, True), (socket.EAI_NONAME, False)]
)
def test_an_unknown_name_has_its_own_code(tmp_path: Path, number: int, passes: bool) -> None:
    def resolver(*_arguments: Any, **_options: Any) -> list[tuple[Any, ...]]:
        raise socket.gaierror(number, "whatever")

    home = FetcherFixture(tmp_path / "spool", guard=SsrfGuard(resolver=resolver))
    with pytest.raises(FetchError) as caught:
        home.fetch("http://files.example/")

    assert (caught.value.code, caught.value.retryable) == (FetchCode.NAME_NOT_FOUND, passes)


def spell_ipv4(address: int, shape: int, bases: tuple[int, ...]) -> str:
    """Format an IPv4 address in ``shape`` parts, each in octal, decimal or hexadecimal."""
    parts = [address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255]
    last = 0
    for part in parts[shape - 1 :]:
        last = last << 8 | part
    signs = {8: "0{:o}", 10: "{}", 16: "0x{:x}"}
    written = zip([*parts[: shape - 1], last], bases, strict=False)
    return ".".join(signs[base].format(part) for part, base in written)


NON_GLOBAL_SAMPLES = [
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "100.64.0.0/10")
]


@st.composite
def inside_hosts(draw: st.DrawFn) -> str:
    """Any notation of any internal IPv4 address, also as a part of an IPv6 address."""
    network = draw(st.sampled_from(NON_GLOBAL_SAMPLES))
    address = draw(st.integers(int(network[0]), int(network[-1])))
    if draw(st.booleans()):
        prefix = draw(st.sampled_from(["::ffff:", "::", "64:ff9b::", "64:ff9b:1::", "::ffff:0:"]))
        tail = draw(
            st.sampled_from(
                [str(ipaddress.ip_address(address)), f"{address >> 16:x}:{address & 0xFFFF:x}"]
            )
        )
        return f"[{prefix}{tail}]"
    bases = draw(st.tuples(*[st.sampled_from([8, 10, 16])] * 4))
    host = spell_ipv4(address, draw(st.integers(1, 4)), bases)
    wide = draw(st.sets(st.integers(0, len(host) - 1)))
    if draw(st.booleans()):
        return host
    return "".join(
        chr(ord(sign) + 0xFEE0) if place in wide and sign in string.digits else sign
        for place, sign in enumerate(host)
    )


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(host=inside_hosts())
def test_no_notation_of_an_internal_address_is_requested(
    home: FetcherFixture, inside: list[HostileServer], host: str
) -> None:
    assert_refused(home, f"http://{host}:{inside[0].port}/file/1")
    assert no_connections(inside)
