"""Which hosts and addresses may be spoken to: the outside, and what was opened on purpose."""

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

# IANA IPv4 Special-Purpose Address Registry; multicast; the former 6to4 relays; and an address
# out of the public range at which Azure answers its own machines.
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
# Only 2000::/3 is given out as global unicast (RFC 4291, section 2.4, and IANA), so that the
# mapped, compatible, NAT64, local, site-local and multicast forms are out with all the rest.
_GLOBAL_UNICAST_IPV6 = ipaddress.IPv6Network("2000::/3")
# Within it: IETF protocol assignments with Teredo, 6to4, AS112, and documentation.
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

# Names that lead inside by their meaning (RFC 6761, 6762, 8375; .internal is set aside by ICANN).
_INTERNAL_DOMAINS = ("localhost", "localdomain", "local", "internal", "home.arpa")


class _AllowRule(msgspec.Struct, frozen=True, kw_only=True):
    """One opening: of a network, a name, or all names below it; on one port or on all."""

    network: Network | None = None
    name: str = ""
    subdomains_only: bool = False
    port: int | None = None


class SsrfGuard:
    """Decides who may be spoken to.

    Open are all public addresses. ``allow`` opens more on purpose.

    Args:
        allow: hosts and networks: ``files.internal``, ``*.corp.example`` (every name below it,
            not itself), ``10.1.0.0/16``, ``127.0.0.1``, ``::1``; a port behind a host or an
            address opens this port alone (``files.internal:8080``, ``[::1]:8080``). A name is
            opened with every address that it has; an address or network also for every name
            that leads there.
        resolver: what looks names up.

    Raises:
        ValueError: an entry is none of these.
    """

    def __init__(
        self, allow: Sequence[str] = (), *, resolver: Resolver = socket.getaddrinfo
    ) -> None:
        self._rules = [_parse_rule(text) for text in allow]
        self._resolver = resolver

    def check(self, location: ParsedUrl, *, proxied: bool = False) -> None:
        """Refuse a host that is known to be inside without looking its name up.

        Args:
            location: where a request would go.
            proxied: a proxy will look the name up, so that its address is never seen here;
                refuse names without a dot too, which only mean something inside.

        Raises:
            FetchError: ``ADDRESS_NOT_ALLOWED``.
        """
        if self._allows_name(location):
            return
        if location.address:
            if not self._allows_address(location.address, location.port):
                raise _address_not_allowed()
            return
        inside = any(f".{location.host}".endswith(f".{name}") for name in _INTERNAL_DOMAINS)
        if inside or (proxied and "." not in location.host):
            raise _address_not_allowed()

    def resolve(self, location: ParsedUrl) -> list[str]:
        """The addresses of ``location`` that may be spoken to, in the resolver's order.

        The name is looked up once, and a connection goes to one of these and asks no more, so
        that a second, other answer of the name's server changes nothing. Those that are not
        open are left out.

        Raises:
            FetchError: ``ADDRESS_NOT_ALLOWED`` when none is open; ``NAME_NOT_FOUND``.
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
            answers = self._resolver(location.host, location.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            passes = error.errno not in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)}
            raise _name_not_found(retryable=passes) from error
        except (OSError, UnicodeError) as error:
            raise _name_not_found(retryable=isinstance(error, OSError)) from error
        internet = (socket.AF_INET, socket.AF_INET6)
        found = dict.fromkeys(
            _format_address(answer[4]) for answer in answers if answer[0] in internet
        )
        if not found:
            raise _name_not_found(retryable=False)
        return list(found)

    def _allows_name(self, location: ParsedUrl) -> bool:
        return any(
            entry.network is None
            and (
                location.host.endswith(f".{entry.name}")
                if entry.subdomains_only
                else location.host == entry.name
            )
            and entry.port in {None, location.port}
            for entry in self._rules
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
            entry.network is not None
            and entry.network.version == address.version
            and not getattr(address, "scope_id", None)
            and address in entry.network
            and entry.port in {None, port}
            for entry in self._rules
        )


def is_public(address: Address) -> bool:
    """Whether ``address`` is given out to somebody on the public internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NON_GLOBAL_IPV4)
    return (
        not address.scope_id
        and address in _GLOBAL_UNICAST_IPV6
        and not any(address in network for network in _NON_GLOBAL_IPV6)
    )


def _format_address(socket_address: tuple[Any, ...]) -> str:
    """The address in a socket address, with its zone if it has one."""
    host = str(socket_address[0])
    scope = socket_address[3] if len(socket_address) == 4 else 0
    return f"{host}%{scope}" if scope and "%" not in host else host


def _parse_rule(text: str) -> _AllowRule:
    if "%" in text:
        raise _invalid_rule(text)
    with suppress(ValueError):
        return _AllowRule(network=ipaddress.ip_network(text))
    host, port = text, None
    if not text.endswith("]") and ":" in text:
        host, _, written = text.rpartition(":")
        port = _parse_or_invalid_rule(text, lambda: parse_port(written))
    below = host.startswith("*.")
    name, address = _parse_or_invalid_rule(text, lambda: parse_host(host.removeprefix("*.")))
    if address is None:
        return _AllowRule(name=name, subdomains_only=below, port=port)
    if below:
        raise _invalid_rule(text)
    return _AllowRule(network=ipaddress.ip_network(address), port=port)


def _parse_or_invalid_rule(text: str, parse_part: Callable[[], Value]) -> Value:
    try:
        return parse_part()
    except FetchError as error:
        raise _invalid_rule(text) from error


def _invalid_rule(text: str) -> ValueError:
    return ValueError(
        f"{text!r} opens nothing: write a host, *.domain, an address or a network such as "
        "10.1.0.0/16 (its host bits zero), and perhaps :port behind a host or address"
    )


def _address_not_allowed() -> FetchError:
    return FetchError(
        FetchCode.ADDRESS_NOT_ALLOWED,
        "the URL leads to an address that is not public: the operator must allow its host first",
    )


def _name_not_found(*, retryable: bool) -> FetchError:
    return FetchError(
        FetchCode.NAME_NOT_FOUND,
        "the host of the URL was not found: check its spelling",
        retryable=retryable,
    )
