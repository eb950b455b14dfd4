"""Strict parsing of HTTP response headers.

Headers come from servers that may be hostile: a value that is ambiguous or malformed is an error
or counts as missing, and is never guessed.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from everlake import clock
from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching.failures import bad_response
from everlake.attachments.fetching.types import ContentRange
from everlake.attachments.spooling.resume_state import Validator

MAX_RETRY_AFTER_SECONDS = 3_600.0
"""Upper bound of ``Retry-After``, so that a server cannot postpone a fetch for days."""

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
    """Header fields of a response.

    Args:
        lines: one per field, encoded in Latin-1 as in HTTP.
    """

    def __init__(self, lines: Iterable[bytes] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.decode("latin-1").partition(":")
            self._values.setdefault(name.lower(), []).append(value.strip())

    def get_all(self, name: str) -> list[str]:
        """Return the values of a field in their order. Names are case-insensitive."""
        return self._values.get(name.lower(), [])


def strong_validator(headers: ResponseHeaders) -> Validator | None:
    """Return the strong validator of a response, or None when it has none.

    A weak ETag is not strong. ``Last-Modified`` is strong when it is at least a second before
    ``Date`` (RFC 9110, sections 8.8.2.2 and 13.1.5).
    """
    etag = single_value(headers, "etag")
    if etag is not None:
        strong = _STRONG_ETAG.fullmatch(etag)
        return Validator(header="ETag", value=etag) if strong else None
    modified, date = single_value(headers, "last-modified"), single_value(headers, "date")
    if modified is None or date is None:
        return None
    modified_at, sent_at = _parse_date(modified), _parse_date(date)
    if modified_at is None or sent_at is None or (sent_at - modified_at).total_seconds() < 1:
        return None
    return Validator(header="Last-Modified", value=modified)


def matches_validator(headers: ResponseHeaders, expected: Validator) -> bool:
    """Return whether a response has the validator of an earlier one, and so its content."""
    return single_value(headers, expected.header) == expected.value


def content_length(headers: ResponseHeaders) -> int | None:
    """Return the announced size of the body in bytes, before decoding.

    None when the body ends with its last chunk or with the connection (RFC 9112, section 6.3).

    Raises:
        FetchError: ``BAD_ANSWER`` for invalid or contradictory lengths, and for a transfer coding
            other than chunked.
    """
    codings = [coding.strip().lower() for coding in list_values(headers, "transfer-encoding")]
    if codings:
        if codings != ["chunked"]:
            raise bad_response("sent its response in an unsupported transfer coding")
        return None
    lengths = set(list_values(headers, "content-length"))
    if not lengths:
        return None
    [length, *others] = lengths
    if others or not _DIGITS.fullmatch(length):
        raise bad_response("sent an invalid Content-Length")
    return int(length)


def has_two_framings(headers: ResponseHeaders) -> bool:
    """Return whether the end of the body is ambiguous (RFC 9112, section 6.3)."""
    return bool(headers.get_all("transfer-encoding") and headers.get_all("content-length"))


def content_coding(headers: ResponseHeaders) -> str | None:
    """Return the content coding, ``gzip`` or ``deflate``; None when the content is not encoded.

    Requests ask for none. Servers that send one regardless are common.

    Raises:
        FetchError: ``BAD_ANSWER`` for any other coding, or several.
    """
    codings = [one.lower() for one in list_values(headers, "content-encoding")]
    codings = [coding for coding in codings if coding != "identity"]
    if not codings:
        return None
    if codings in (["gzip"], ["x-gzip"]):
        return "gzip"
    if codings == ["deflate"]:
        return "deflate"
    raise bad_response("sent its content in an unsupported content coding")


def content_range(headers: ResponseHeaders) -> ContentRange | None:
    """Return the range that a 206 carries; None when ``Content-Range`` is missing or invalid."""
    found = _CONTENT_RANGE.fullmatch(single_value(headers, "content-range") or "")
    if found is None:
        return None
    first, last, total = found.groups()
    return ContentRange(
        first=int(first), last=int(last), total=None if total == "*" else int(total)
    )


def complete_length(headers: ResponseHeaders) -> int | None:
    """Return the content's size from a 416's ``Content-Range``; None when it is not there."""
    found = _UNSATISFIED_RANGE.fullmatch(single_value(headers, "content-range") or "")
    return None if found is None else int(found[1])


def redirect_target(headers: ResponseHeaders) -> str:
    """Return the ``Location`` of a redirect, which may be a relative reference.

    Raises:
        FetchError: ``BAD_ANSWER`` when there is none, or several different ones.
    """
    found = set(headers.get_all("location"))
    if len(found) != 1:
        raise bad_response("sent a redirect without a valid Location")
    [text] = found
    try:
        # Header lines are decoded as Latin-1, but servers that do not escape a URL send UTF-8.
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def status_error(status: int, headers: ResponseHeaders) -> FetchError:
    """Return the error of a response whose status means that it has no content."""
    if status in _RETRYABLE_STATUSES or status >= 500:
        return FetchError(
            FetchCode.HTTP_STATUS,
            f"the server of the URL answered {status}, which may be temporary",
            retryable=True,
            retry_after=retry_after(headers),
        )
    if 300 <= status < 400:
        return bad_response(f"answered {status}, a redirect that cannot be followed")
    advice = "check that the URL still leads to the file"
    if status in _ACCESS_DENIED_STATUSES:
        advice = "use a URL that can be fetched without credentials"
    return FetchError(FetchCode.HTTP_STATUS, f"the server of the URL answered {status}: {advice}")


def retry_after(headers: ResponseHeaders) -> float | None:
    """Return the seconds of ``Retry-After`` (RFC 9110, section 10.2.3), bounded to an hour."""
    text = single_value(headers, "retry-after")
    if text is None:
        return None
    if _DIGITS.fullmatch(text):
        return min(float(text), MAX_RETRY_AFTER_SECONDS)
    moment = _parse_date(text)
    if moment is None:
        return None
    return min(max((moment - clock.utc_now()).total_seconds(), 0.0), MAX_RETRY_AFTER_SECONDS)


def single_value(headers: ResponseHeaders, name: str) -> str | None:
    """Return the value of a header; None when it is missing or repeated."""
    values = headers.get_all(name)
    return values[0].strip() if len(values) == 1 else None


def list_values(headers: ResponseHeaders, name: str) -> Sequence[str]:
    """Return the members of a comma-separated header (RFC 9110, section 5.6.1)."""
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
