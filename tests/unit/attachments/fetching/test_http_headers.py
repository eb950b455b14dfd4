"""Parsing of response headers."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from everlake.attachments.fetching import http_headers
from everlake.attachments.fetching.http_headers import ResponseHeaders
from everlake.attachments.fetching.types import ContentRange
from everlake.attachments.spooling.resume_state import Validator

DATE = "Mon, 05 Jan 2026 12:00:00 GMT"
EARLIER = "Mon, 05 Jan 2026 11:59:59 GMT"


def headers_of(**values: str) -> ResponseHeaders:
    return ResponseHeaders(
        f"{name.replace('_', '-')}: {values[name]}".encode("latin-1") for name in values
    )


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (headers_of(ETag='"a"'), Validator(header="ETag", value='"a"')),
        (headers_of(ETag='""'), Validator(header="ETag", value='""')),
        (headers_of(ETag='W/"a"'), None),
        (headers_of(ETag="a"), None),
        (headers_of(ETag='"a b"'), None),
        (headers_of(ETag='W/"a"', Last_Modified=EARLIER, Date=DATE), None),
        (
            headers_of(Last_Modified=EARLIER, Date=DATE),
            Validator(header="Last-Modified", value=EARLIER),
        ),
        (headers_of(Last_Modified=DATE, Date=DATE), None),
        (headers_of(Last_Modified=EARLIER), None),
        (headers_of(Last_Modified="yesterday", Date=DATE), None),
        (headers_of(), None),
    ],
)
def test_only_strong_validators_count(headers: ResponseHeaders, found: Validator | None) -> None:
    assert http_headers.strong_validator(headers) == found


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("bytes 5-9/10", ContentRange(first=5, last=9, total=10)),
        ("Bytes 5-9/*", ContentRange(first=5, last=9, total=None)),
        ("bytes */10", None),
        ("bytes 5-9", None),
        ("bytes=5-9/10", None),
        ("bytes \u00b2-9/10", None),
        ("bytes 5-9/10, bytes 1-2/10", None),
    ],
)
def test_content_range_is_parsed_strictly(text: str, part: ContentRange | None) -> None:
    assert http_headers.content_range(headers_of(Content_Range=text)) == part


def test_a_retry_after_date_is_converted_to_seconds() -> None:
    def wait(moment: datetime) -> float | None:
        return http_headers.retry_after(
            headers_of(Retry_After=format_datetime(moment, usegmt=True))
        )

    now = datetime.now(UTC)
    assert 0 < (wait(now + timedelta(minutes=30)) or 0) <= 1_800
    assert wait(now + timedelta(days=30)) == http_headers.MAX_RETRY_AFTER_SECONDS
    assert wait(now - timedelta(days=30)) == 0
