"""A URL taken apart strictly, so that what is checked is what is asked for."""

import ipaddress
import re
from typing import TypeAlias
from urllib.parse import quote, urljoin

import idna
import msgspec

from everlake.attachments.errors import FetchCode, FetchError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_LENGTH = 8_192
"""Characters. RFC 9110, section 4.1, asks for 8,000 to be supported."""

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_DNS_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?", re.ASCII)
# The last label by which a name is taken for an IPv4 address (WHATWG URL, ends in a number).
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_FORBIDDEN_CHARACTERS = re.compile(
    r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064"
    r"\u3000\ufeff\ud800-\udfff\\]"
)
# What RFC 3986 allows in a path or query, and the sign of an escape.
_UNESCAPED_CHARACTERS = "/?:@!$&'()*+,;=-._~%[]"


class ParsedUrl(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request goes.

    Attributes:
        scheme: ``http`` or ``https``.
        host: a name in lower case and ASCII, or an address as :mod:`ipaddress` writes it.
        port: from 1 to 65,535.
        target: path and query, as they stand in a request.
        address: the host, if it is an address.
    """

    scheme: str
    host: str
    port: int
    target: str
    address: Address | None

    @property
    def authority(self) -> str:
        """Host and port as in a ``Host`` header: no port where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        return f"{self.origin}{self.target}"


def parse(url: str) -> ParsedUrl:
    """Take ``url`` apart (RFC 3986), refusing whatever two parsers might read differently.

    Raises:
        FetchError: ``URL_NOT_ALLOWED``.
    """
    if len(url) > MAX_URL_LENGTH:
        raise url_not_allowed(f"the URL is longer than {MAX_URL_LENGTH:,} characters")
    if _FORBIDDEN_CHARACTERS.search(url):
        raise url_not_allowed(
            "the URL contains white space, a control character or a backslash: percent-encode it"
        )
    parts = _URL.fullmatch(url)
    if parts is None:
        raise url_not_allowed("the URL is not absolute: write it as https://host/path")
    scheme = parts["scheme"].lower()
    if scheme not in DEFAULT_PORTS:
        raise url_not_allowed("the URL is neither http nor https: only these are fetched")
    if "@" in parts["authority"]:
        raise url_not_allowed("the URL contains credentials: use a URL that needs none")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        raise url_not_allowed("the URL's host and port are malformed")
    host, address = parse_host(authority["host"])
    return ParsedUrl(
        scheme=scheme,
        host=host,
        port=DEFAULT_PORTS[scheme] if authority["port"] is None else parse_port(authority["port"]),
        target=_request_target(parts["rest"]),
        address=address,
    )


def resolve_redirect(base: ParsedUrl, reference: str) -> ParsedUrl:
    """Where a ``Location`` header leads from ``base`` (RFC 9110, section 10.2.2).

    Raises:
        FetchError: ``BAD_ANSWER`` without a reference; ``URL_NOT_ALLOWED``.
    """
    reference = reference.strip(" \t")
    if not reference:
        raise FetchError(
            FetchCode.BAD_ANSWER, "the server of the URL answered a redirect that leads nowhere"
        )
    if len(reference) > MAX_URL_LENGTH or _FORBIDDEN_CHARACTERS.search(reference):
        raise url_not_allowed("the URL redirects to a malformed URL")
    if _SCHEME.match(reference):
        return parse(reference)
    if reference.startswith("//"):
        return parse(f"{base.scheme}:{reference}")
    return parse(urljoin(base.url, reference))


def parse_host(host: str) -> tuple[str, Address | None]:
    """A host as it is looked up and compared, and the address that it is, if it is one.

    Addresses are taken in their usual form alone: ``getaddrinfo`` reads ``0x7f.1``,
    ``2130706433``, ``0177.1`` and ``127.1`` as the inside address 127.0.0.1.

    Raises:
        FetchError: ``URL_NOT_ALLOWED``.
    """
    if host.startswith("["):
        return _parse_ipv6(host[1:-1])
    name = _to_ascii(host).removesuffix(".")
    if not name:
        raise url_not_allowed("the URL has no host")
    labels = name.split(".")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        try:
            address = ipaddress.IPv4Address(name)
        except ValueError as error:
            raise url_not_allowed(
                "the URL's host looks like an address: write it as four decimal numbers"
            ) from error
        return str(address), address
    if len(name) > 253 or not all(_DNS_LABEL.fullmatch(label) for label in labels):
        raise url_not_allowed("the URL's host is not a valid name")
    return name, None


def parse_port(port: str) -> int:
    """
    Raises:
        FetchError: ``URL_NOT_ALLOWED``.
    """
    if not _PORT.fullmatch(port) or int(port) > 65_535:
        raise url_not_allowed("the URL's port is not a number from 1 to 65535")
    return int(port)


def url_not_allowed(message: str) -> FetchError:
    """The error of a URL that is not fetched, with what is wrong with it."""
    return FetchError(FetchCode.URL_NOT_ALLOWED, message)


def _parse_ipv6(text: str) -> tuple[str, Address]:
    if "%" in text:
        raise url_not_allowed(
            "the URL's address has a zone, which means something on one machine only"
        )
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError as error:
        raise url_not_allowed("the URL's host is not a valid IPv6 address") from error
    return str(address), address


def _to_ascii(host: str) -> str:
    """The name in lower case and, if it is not ASCII, encoded (IDNA 2008, RFC 5891).

    Nothing is mapped: full-width digits or dots, circled letters and the like are refused.
    """
    if host.isascii():
        return host.lower()
    lowered = host.lower()
    if any(not was.isascii() and now.isascii() for was, now in zip(host, lowered, strict=False)):
        raise url_not_allowed("the URL's host is not a valid name")
    try:
        if any(dot in host for dot in "\u3002\uff0e\uff61"):
            raise url_not_allowed("the URL's host is not a valid name")
        return idna.encode(lowered, strict=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise url_not_allowed("the URL's host is not a valid internationalised name") from error


def _request_target(rest: str) -> str:
    """Path and query of what stands behind the authority, escaped where they are not ASCII."""
    text = rest.partition("#")[0]
    if not text.startswith("/"):
        text = "/" + text
    return quote(text, safe=_UNESCAPED_CHARACTERS)
