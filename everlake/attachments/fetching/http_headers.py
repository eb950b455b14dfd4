"""What the head of an HTTP answer says, read strictly."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from everlake.attachments.errors import FetchCode, FetchError

MAX_RETRY_AFTER_SECONDS = 3_600.0
"""Seconds."""

REDIRECT_STATUSES = {301, 302, 303, 307, 308}
FULL_CONTENT_STATUSES = {200, 203}
PARTIAL_CONTENT = 206
RANGE_NOT_SATISFIABLE = 416
_RETRYABLE_STATUSES = {408, 425, 429}
_ACCESS_DENIED_STATUSES = {401, 402, 403, 407, 451}

_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_CONTENT_RANGE = re.compile(
    r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.ASCII | re.IGNORECASE
)
_UNSATISFIED_RANGE = re.compile(r"bytes \*/([0-9]{1,18})", re.ASCII | re.IGNORECASE)
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')


class ResponseHeaders:
    """The header fields of an answer.

    Args:
        lines: one a field, in Latin-1, as HTTP has them.
    """

    def __init__(self, lines: Iterable[bytes] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.decode("latin-1").partition(":")
            self._values.setdefault(name.lower(), []).append(value.strip())

    def get_all(self, name: str) -> list[str]:
        """The values of a field, named in any case, in their order."""
        return self._values.get(name.lower(), [])


class Validator(msgspec.Struct, frozen=True, kw_only=True):
    """What tells one content of a URL from another, strongly enough to put two parts together.

    Attributes:
        header: ``ETag`` or ``Last-Modified``.
        value: as it was sent.
    """

    header: str
    value: str


class ContentRange(msgspec.Struct, frozen=True, kw_only=True):
    """What ``Content-Range`` says: bytes ``first`` to ``last`` of ``total``, None if unknown."""

    first: int
    last: int
    total: int | None


def strong_validator(headers: ResponseHeaders) -> Validator | None:
    """The strong validator of an answer, if it has one.

    A weak ETag is none, and ``Last-Modified`` only where it is older than the answer by a second
    at least (RFC 9110, sections 8.8.2.2 and 13.1.5).
    """
    etag = single_value(headers, "etag")
    if etag is not None:
        strong = _STRONG_ETAG.fullmatch(etag)
        return Validator(header="ETag", value=etag) if strong else None
    modified, date = single_value(headers, "last-modified"), single_value(headers, "date")
    if modified is None or date is None:
        return None
    changed, answered = _parse_date(modified), _parse_date(date)
    if changed is None or answered is None or (answered - changed).total_seconds() < 1:
        return None
    return Validator(header="Last-Modified", value=modified)


def matches_validator(headers: ResponseHeaders, expected: Validator) -> bool:
    """Whether an answer is of the same content as an earlier one with ``expected``."""
    return single_value(headers, expected.header) == expected.value


def content_length(headers: ResponseHeaders) -> int | None:
    """Announced bytes of the body as it is sent; None where the end shows otherwise.

    Raises:
        FetchError: ``BAD_ANSWER`` for lengths that are none or that differ, and for a transfer
            coding other than chunked (RFC 9112, section 6.3).
    """
    codings = [coding.strip().lower() for coding in list_values(headers, "transfer-encoding")]
    if codings:
        if codings != ["chunked"]:
            raise bad_response("sent its answer in a transfer coding that is not understood")
        return None
    lengths = set(list_values(headers, "content-length"))
    if not lengths:
        return None
    [length, *others] = lengths
    if others or not _DIGITS.fullmatch(length):
        raise bad_response("announced a length that is none")
    return int(length)


def has_two_framings(headers: ResponseHeaders) -> bool:
    """Whether the peer may mean another end than was read (RFC 9112, section 6.3)."""
    return bool(headers.get_all("transfer-encoding") and headers.get_all("content-length"))


def content_coding(headers: ResponseHeaders) -> str | None:
    """``gzip`` or ``deflate`` if the content is coded so; None if not at all.

    Raises:
        FetchError: ``BAD_ANSWER`` for any other coding: none was asked for.
    """
    codings = [one.lower() for one in list_values(headers, "content-encoding")]
    codings = [coding for coding in codings if coding != "identity"]
    if not codings:
        return None
    if codings in (["gzip"], ["x-gzip"]):
        return "gzip"
    if codings == ["deflate"]:
        return "deflate"
    raise bad_response("sent its content in a coding that is not understood")


def content_range(headers: ResponseHeaders) -> ContentRange | None:
    """The part that a 206 carries; None where it does not say."""
    found = _CONTENT_RANGE.fullmatch(single_value(headers, "content-range") or "")
    if found is None:
        return None
    first, last, total = found.groups()
    return ContentRange(
        first=int(first), last=int(last), total=None if total == "*" else int(total)
    )


def complete_length(headers: ResponseHeaders) -> int | None:
    """The length of the content by a 416's ``Content-Range``; None where it does not say."""
    found = _UNSATISFIED_RANGE.fullmatch(single_value(headers, "content-range") or "")
    return None if found is None else int(found[1])


def redirect_target(headers: ResponseHeaders) -> str:
    """The URL that a redirect leads to, as a reference.

    Raises:
        FetchError: ``BAD_ANSWER`` if there is none, or several.
    """
    found = set(headers.get_all("location"))
    if len(found) != 1:
        raise bad_response("answered a redirect that leads nowhere")
    [text] = found
    try:
        # Headers are read as Latin-1; what servers send unescaped is UTF-8.
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def status_error(status: int, headers: ResponseHeaders) -> FetchError:
    """The error of an answer without content of ours."""
    if status in _RETRYABLE_STATUSES or status >= 500:
        return FetchError(
            FetchCode.HTTP_STATUS,
            f"the server of the URL answered {status}: it may answer otherwise later",
            retryable=True,
            retry_after=retry_after(headers),
        )
    if 300 <= status < 400:
        return bad_response(f"answered {status}, which leads nowhere")
    advice = "check that the URL still leads to the file"
    if status in _ACCESS_DENIED_STATUSES:
        advice = "use a URL that can be fetched without credentials"
    return FetchError(FetchCode.HTTP_STATUS, f"the server of the URL answered {status}: {advice}")


def retry_after(headers: ResponseHeaders) -> float | None:
    """Seconds that ``Retry-After`` asks to wait (RFC 9110, section 10.2.3), bounded to an hour."""
    text = single_value(headers, "retry-after")
    if text is None:
        return None
    if _DIGITS.fullmatch(text):
        return min(float(text), MAX_RETRY_AFTER_SECONDS)
    moment = _parse_date(text)
    if moment is None:
        return None
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), MAX_RETRY_AFTER_SECONDS)


def bad_response(what: str) -> FetchError:
    """The error of an answer that is no use as HTTP."""
    return FetchError(
        FetchCode.BAD_ANSWER, f"the server of the URL {what}: try the URL in a browser"
    )


def single_value(headers: ResponseHeaders, name: str) -> str | None:
    """A header's only value; None where there is none, or where there are several."""
    values = headers.get_all(name)
    return values[0].strip() if len(values) == 1 else None


def list_values(headers: ResponseHeaders, name: str) -> Sequence[str]:
    """The members of a header that is a list (RFC 9110, section 5.6.1)."""
    return [
        member
        for value in headers.get_all(name)
        for part in value.split(",")
        if (member := part.strip())
    ]


def _parse_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
