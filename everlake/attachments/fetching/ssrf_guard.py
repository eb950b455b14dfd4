"""SSRF guard: allows public addresses, and internal ones that the operator allows.

SSRF (server-side request forgery) is a request to the internal network, made by this server on
behalf of whoever wrote the URL.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

import msgspec

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching.url import Address, ParsedUrl, parse_host, parse_port

Resolver: TypeAlias = Callable[..., Sequence[tuple[Any, ...]]]
"""As :func:`socket.getaddrinfo`."""
Value = TypeVar("Value")
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# IANA IPv4 Special-Purpose Address Registry; multicast; the former 6to4 relays; and
# 168.63.129.16, a public address at which Azure serves its virtual machines. The list is written
# out because ``ipaddress.is_global`` changes between patch releases of Python.
_NON_GLOBAL_IPV4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
# IANA assigns global unicast addresses from 2000::/3 only (RFC 4291, section 2.4). Outside are the
# IPv4-mapped, IPv4-compatible, NAT64, link-local, site-local, unique local and multicast forms.
_GLOBAL_UNICAST_IPV6 = ipaddress.IPv6Network("2000::/3")
# Exceptions within it: IETF protocol assignments with Teredo, 6to4, AS112, and documentation.
_NON_GLOBAL_IPV6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "2620:4f:8000::/48",
            "3fff::/20",
        ),
    )
)

# Domains for internal use (RFC 6761, 6762 and 8375; .internal is reserved by ICANN).
_INTERNAL_DOMAINS = ("localhost", "localdomain", "local", "internal", "home.arpa")


class _AllowRule(msgspec.Struct, frozen=True, kw_only=True):
    """Allowed network, name, or subdomains of a name; on one port or on all (None)."""

    network: Network | None = None
    name: str = ""
    subdomains_only: bool = False
    port: int | None = None


class SsrfGuard:
    """Decides which hosts and addresses may be requested.

    Public addresses are allowed, and everything that ``allow`` adds.

    Args:
        allow: hosts and networks: ``files.internal``, ``*.corp.example`` (its subdomains, not
            itself), ``10.1.0.0/16``, ``127.0.0.1``, ``::1``. A host or an address may have a port
            (``files.internal:8080``, ``[::1]:8080``), and then only that port is allowed. An
            allowed name may have any address; an allowed address or network may have any name.
        resolver: name lookup.

    Raises:
        ValueError: an entry has none of these forms.
    """

    def __init__(
        self, allow: Sequence[str] = (), *, resolver: Resolver = socket.getaddrinfo
    ) -> None:
        self._rules = [_parse_rule(text) for text in allow]
        self._resolver = resolver

    def check(self, location: ParsedUrl, *, proxied: bool = False) -> None:
        """Refuse a URL whose host is internal, without a name lookup.

        Args:
            location: the URL to be requested.
            proxied: whether a proxy resolves the name, so that :meth:`resolve` is not called.
                Names without a dot, which only internal resolvers know, are then refused too.

        Raises:
            FetchError: ``ADDRESS_NOT_ALLOWED``.
        """
        if self._allows_name(location):
            return
        if location.address:
            if not self._allows_address(location.address, location.port):
                raise _address_not_allowed()
            return
        is_internal = any(f".{location.host}".endswith(f".{name}") for name in _INTERNAL_DOMAINS)
        if is_internal or (proxied and "." not in location.host):
            raise _address_not_allowed()

    def resolve(self, location: ParsedUrl) -> list[str]:
        """Return the allowed addresses of a URL's host, in the resolver's order.

        The caller must connect to one of these and must not look the name up again: a hostile
        name server could give another answer the second time (DNS rebinding).

        Raises:
            FetchError: ``ADDRESS_NOT_ALLOWED`` when no address is allowed; ``NAME_NOT_FOUND``.
        """
        self.check(location)
        if location.address:
            return [str(location.address)]
        found = self._look_up(location)
        if self._allows_name(location):
            return found
        allowed = [text for text in found if self._allows_address_text(text, location.port)]
        if not allowed:
            raise _address_not_allowed()
        return allowed

    def _look_up(self, location: ParsedUrl) -> list[str]:
        try:
            results = self._resolver(location.host, location.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            permanent = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)}
            raise _name_not_found(retryable=error.errno not in permanent) from error
        except (OSError, UnicodeError) as error:
            raise _name_not_found(retryable=isinstance(error, OSError)) from error
        families = (socket.AF_INET, socket.AF_INET6)
        addresses = dict.fromkeys(
            _format_address(socket_address)
            for family, _, _, _, socket_address in results
            if family in families
        )
        if not addresses:
            raise _name_not_found(retryable=False)
        return list(addresses)

    def _allows_name(self, location: ParsedUrl) -> bool:
        return any(
            rule.network is None
            and (
                location.host.endswith(f".{rule.name}")
                if rule.subdomains_only
                else location.host == rule.name
            )
            and rule.port in {None, location.port}
            for rule in self._rules
        )

    def _allows_address_text(self, text: str, port: int) -> bool:
        try:
            return self._allows_address(ipaddress.ip_address(text), port)
        except ValueError:
            return False

    def _allows_address(self, address: Address, port: int) -> bool:
        if is_public(address):
            return True
        return any(
            rule.network is not None
            and rule.network.version == address.version
            and not getattr(address, "scope_id", None)
            and address in rule.network
            and rule.port in {None, port}
            for rule in self._rules
        )


def is_public(address: Address) -> bool:
    """Return whether ``address`` is a global unicast address of the public internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NON_GLOBAL_IPV4)
    return (
        not address.scope_id
        and address in _GLOBAL_UNICAST_IPV6
        and not any(address in network for network in _NON_GLOBAL_IPV6)
    )


def _format_address(socket_address: tuple[Any, ...]) -> str:
    """Return the host of a socket address, with its zone when it has one."""
    host = str(socket_address[0])
    scope = socket_address[3] if len(socket_address) == 4 else 0
    return f"{host}%{scope}" if scope and "%" not in host else host


def _parse_rule(text: str) -> _AllowRule:
    if "%" in text:
        raise _invalid_rule(text)
    with suppress(ValueError):
        return _AllowRule(network=ipaddress.ip_network(text))
    host, port = text, None
    # "[::1]:8080" and "[::1]" end differently; a bare "::1" was a network above.
    if not text.endswith("]") and ":" in text:
        host, _, digits = text.rpartition(":")
        port = _parse_or_invalid_rule(text, lambda: parse_port(digits))
    subdomains_only = host.startswith("*.")
    name, address = _parse_or_invalid_rule(text, lambda: parse_host(host.removeprefix("*.")))
    if address is None:
        return _AllowRule(name=name, subdomains_only=subdomains_only, port=port)
    if subdomains_only:
        raise _invalid_rule(text)
    return _AllowRule(network=ipaddress.ip_network(address), port=port)


def _parse_or_invalid_rule(text: str, parse_part: Callable[[], Value]) -> Value:
    try:
        return parse_part()
    except FetchError as error:
        raise _invalid_rule(text) from error


def _invalid_rule(text: str) -> ValueError:
    return ValueError(
        f"{text!r} is not a valid entry: write a host, *.domain, an address or a network such as "
        "10.1.0.0/16 (with host bits zero), optionally with :port after a host or address"
    )


def _address_not_allowed() -> FetchError:
    return FetchError(
        FetchCode.ADDRESS_NOT_ALLOWED,
        "the URL's host has no public address: the operator must allow this host first",
    )


def _name_not_found(*, retryable: bool) -> FetchError:
    return FetchError(
        FetchCode.NAME_NOT_FOUND,
        "the host of the URL was not found: check the spelling of the URL",
        retryable=retryable,
    )
