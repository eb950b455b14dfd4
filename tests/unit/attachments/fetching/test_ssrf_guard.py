"""Public addresses, and entries that allow internal ones."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching.ssrf_guard import SsrfGuard, is_public
from everlake.attachments.fetching.url import parse


@pytest.mark.parametrize("text", ["8.8.8.8", "93.184.216.34", "172.32.0.1", "2606:2800:220:1::1"])
def test_public_addresses_are_allowed(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@given(st.ip_addresses())
def test_no_address_is_public_that_python_does_not_call_global(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved
        assert not address.is_private


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_no_ipv6_form_of_an_internal_address_is_public(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for prefix in ("::", "::ffff:0:0", "64:ff9b::", "64:ff9b:1::", "::ffff:0:0:0"):
        assert not is_public(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | number))
    assert not is_public(ipaddress.IPv6Address(0x2002 << 112 | number << 80))
    assert not is_public(ipaddress.IPv6Address(0x20010000 << 96 | number ^ 0xFFFFFFFF))


def allows(rule: str, url: str) -> bool:
    refused: FetchCode | None = None
    try:
        SsrfGuard([rule]).check(parse(url))
    except FetchError as error:
        refused = error.code
    assert refused in {None, FetchCode.ADDRESS_NOT_ALLOWED}
    return refused is None


@pytest.mark.parametrize(
    ("entry", "url", "opened"),
    [
        ("127.0.0.1", "http://127.0.0.1/", True),
        ("127.0.0.1", "http://127.0.0.1:8080/", True),
        ("127.0.0.1", "http://127.0.0.2/", False),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/", True),
        ("127.0.0.1:8080", "http://127.0.0.1/", False),
        ("10.1.0.0/16", "https://10.1.255.1/", True),
        ("10.1.0.0/16", "https://10.2.0.1/", False),
        ("::1", "http://[::1]/", True),
        ("[::1]:80", "http://[0:0::1]/", True),
        ("[::1]:80", "http://[::1]:81/", False),
        ("[::1]", "http://[::1]:81/", True),
        ("fd00::/8", "http://[fd12::1]/", True),
        ("127.0.0.1", "http://[::ffff:127.0.0.1]/", False),
        ("files.internal", "http://FILES.internal./", True),
        ("files.internal:80", "http://files.internal/", True),
        ("files.internal:80", "https://files.internal/", False),
        ("files.internal", "http://a.files.internal/", False),
        ("*.internal", "http://a.files.internal/", True),
        ("*.internal", "http://internal/", False),
        ("*.internal", "http://xinternal.local/", False),
        ("b\u00fcro.internal", "http://xn--bro-hoa.internal/", True),
    ],
)
def test_an_entry_allows_its_hosts_only(entry: str, url: str, opened: bool) -> None:
    assert allows(entry, url) is opened


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "*.",
        "*.10.0.0.1",
        "10.1.0.1/16",
        "http://files.internal",
        "a b",
        "a:0",
        "a:x",
        "a/b",
        "0x7f.1",
        "10.0.0.0/33",
        "a.*.b",
        "[::1",
        "fe80::1%lo",
    ],
)
def test_an_invalid_entry_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="not a valid entry"):
        SsrfGuard([entry])
