"""What the head of an answer says."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from everlake.attachments import answers
from everlake.attachments.answers import Headers, Part, Validator

DATE = "Mon, 05 Jan 2026 12:00:00 GMT"
EARLIER = "Mon, 05 Jan 2026 11:59:59 GMT"


def heads(**values: str) -> Headers:
    return Headers(f"{name.replace('_', '-')}: {values[name]}".encode("latin-1") for name in values)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (heads(ETag='"a"'), Validator(header="ETag", value='"a"')),
        (heads(ETag='""'), Validator(header="ETag", value='""')),
        (heads(ETag='W/"a"'), None),
        (heads(ETag="a"), None),
        (heads(ETag='"a b"'), None),
        (heads(ETag='W/"a"', Last_Modified=EARLIER, Date=DATE), None),
        (heads(Last_Modified=EARLIER, Date=DATE), Validator(header="Last-Modified", value=EARLIER)),
        (heads(Last_Modified=DATE, Date=DATE), None),
        (heads(Last_Modified=EARLIER), None),
        (heads(Last_Modified="yesterday", Date=DATE), None),
        (heads(), None),
    ],
)
def test_only_strong_validators_count(headers: Headers, found: Validator | None) -> None:
    assert answers.validator(headers) == found


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("bytes 5-9/10", Part(first=5, last=9, total=10)),
        ("Bytes 5-9/*", Part(first=5, last=9, total=None)),
        ("bytes */10", None),
        ("bytes 5-9", None),
        ("bytes=5-9/10", None),
        ("bytes \u00b2-9/10", None),
        ("bytes 5-9/10, bytes 1-2/10", None),
    ],
)
def test_a_range_is_read_strictly(text: str, part: Part | None) -> None:
    assert answers.content_range(heads(Content_Range=text)) == part


def test_a_date_to_wait_for_is_told_in_seconds() -> None:
    def wait(moment: datetime) -> float | None:
        return answers.retry_after(heads(Retry_After=format_datetime(moment, usegmt=True)))

    now = datetime.now(UTC)
    assert 0 < (wait(now + timedelta(minutes=30)) or 0) <= 1_800
    assert wait(now + timedelta(days=30)) == answers.MAX_RETRY_AFTER
    assert wait(now - timedelta(days=30)) == 0
