"""Strict URL parser.

Accepts only what every parser reads in the same way, so that the URL that was checked is the URL
that is requested.
"""

import ipaddress
import re
from typing import TypeAlias
from urllib.parse import quote, urljoin

import idna
import msgspec

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching.failures import bad_response

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_LENGTH = 8_192
"""Characters. RFC 9110, section 4.1, asks for 8,000 to be supported."""

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_DNS_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?", re.ASCII)
# A name with such a last label is an IPv4 address to browsers (WHATWG URL, "ends in a number").
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_FORBIDDEN_CHARACTERS = re.compile(
    r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2064"
    r"\u3000\ufeff\ud800-\udfff\\]"
)
# Characters that RFC 3986 allows in a path or query, and the percent sign of an escape.
_UNESCAPED_CHARACTERS = "/?:@!$&'()*+,;=-._~%[]"


class ParsedUrl(msgspec.Struct, frozen=True, kw_only=True):
    """Parts of an absolute HTTP URL.

    Attributes:
        scheme: ``http`` or ``https``.
        host: a name in lower case and ASCII, or an address as :mod:`ipaddress` formats it.
        port: from 1 to 65,535.
        target: path and query as in a request line.
        address: the host when it is an address; None when it is a name.
    """

    scheme: str
    host: str
    port: int
    target: str
    address: Address | None

    @property
    def authority(self) -> str:
        """Host and port as in a ``Host`` header, without the scheme's default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        """The normalised URL, without its fragment."""
        return f"{self.origin}{self.target}"


def parse(url: str) -> ParsedUrl:
    """Parse a URL (RFC 3986), refusing whatever two parsers might read differently.

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
    """Return the URL that the ``Location`` header of ``base`` refers to.

    See RFC 9110, section 10.2.2.

    Raises:
        FetchError: ``BAD_ANSWER`` for an empty reference; ``URL_NOT_ALLOWED``.
    """
    reference = reference.strip(" \t")
    if not reference:
        raise bad_response("sent a redirect without a valid Location")
    if len(reference) > MAX_URL_LENGTH or _FORBIDDEN_CHARACTERS.search(reference):
        raise url_not_allowed("the URL redirects to a malformed URL")
    if _SCHEME.match(reference):
        return parse(reference)
    if reference.startswith("//"):
        return parse(f"{base.scheme}:{reference}")
    return parse(urljoin(base.url, reference))


def parse_host(host: str) -> tuple[str, Address | None]:
    """Return the normalised host, and its address when it is an address.

    Addresses are accepted in their canonical notation only: ``getaddrinfo`` reads ``0x7f.1``,
    ``2130706433``, ``0177.1`` and ``127.1`` as 127.0.0.1.

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
                "the URL's host looks like an IPv4 address: write it as four decimal numbers"
            ) from error
        return str(address), address
    if len(name) > 253 or not all(_DNS_LABEL.fullmatch(label) for label in labels):
        raise url_not_allowed("the URL's host is not a valid name")
    return name, None


def parse_port(port: str) -> int:
    """Return a port number.

    Raises:
        FetchError: ``URL_NOT_ALLOWED``.
    """
    if not _PORT.fullmatch(port) or int(port) > 65_535:
        raise url_not_allowed("the URL's port is not a number from 1 to 65535")
    return int(port)


def validate_proxy_url(url: str) -> None:
    """Return if ``url`` is of the form ``http://host:port``.

    Raises:
        ValueError: it is not.
    """
    try:
        location = parse(url)
    except FetchError as error:
        raise _invalid_proxy_url() from error
    if location.scheme != "http" or location.target != "/":
        raise _invalid_proxy_url()


def url_not_allowed(message: str) -> FetchError:
    """Return the error of a URL that is not fetched; ``message`` says why."""
    return FetchError(FetchCode.URL_NOT_ALLOWED, message)


def _invalid_proxy_url() -> ValueError:
    return ValueError("the proxy's URL must be of the form http://host:port, without credentials")


def _parse_ipv6(text: str) -> tuple[str, Address]:
    if "%" in text:
        raise url_not_allowed(
            "the URL's address has a zone, which is meaningful on one machine only"
        )
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError as error:
        raise url_not_allowed("the URL's host is not a valid IPv6 address") from error
    return str(address), address


def _to_ascii(host: str) -> str:
    """Return the name in lower case and, when it is not ASCII, in IDNA 2008 (RFC 5891).

    No character is mapped to another: full-width digits and dots, circled letters and the like
    are refused.
    """
    if host.isascii():
        return host.lower()
    lowered = host.lower()
    if any(not old.isascii() and new.isascii() for old, new in zip(host, lowered, strict=False)):
        raise url_not_allowed("the URL's host is not a valid name")
    try:
        if any(dot in host for dot in "\u3002\uff0e\uff61"):
            raise url_not_allowed("the URL's host is not a valid name")
        return idna.encode(lowered, strict=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise url_not_allowed("the URL's host is not a valid internationalised name") from error


def _request_target(rest: str) -> str:
    """Return path and query from the rest of a URL; non-ASCII characters are percent-encoded."""
    text = rest.partition("#")[0]
    if not text.startswith("/"):
        text = "/" + text
    return quote(text, safe=_UNESCAPED_CHARACTERS)
