import pytest
from hypothesis import given
from hypothesis import strategies as st

from everlake.api.range_requests import (
    ByteRange,
    RangeNotSatisfiable,
    matches_if_none_match,
    matches_if_range,
    parse_range,
)

ETAG = '"' + "a" * 64 + '"'


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=0-", (0, 10)),
        ("bytes=3-5", (3, 6)),
        ("bytes=3-500", (3, 10)),
        ("bytes=9-9", (9, 10)),
        ("bytes=-1", (9, 10)),
        ("bytes=-10", (0, 10)),
        ("bytes=-500", (0, 10)),
        ("BYTES=1-2", (1, 3)),
        ("bytes= 1-2 ", (1, 3)),
        ("bytes=1-99999999999999999999999999", (1, 10)),
        ("bytes=-99999999999999999999999999", (0, 10)),
        ("bytes=0000000000000000000000001-2", (1, 3)),
    ],
)
def test_one_range_is_cut_to_the_content(header: str, span: tuple[int, int]) -> None:
    assert parse_range(header, 10) == span


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-3",
        "bytes=1",
        "bytes=0-1,3-4",
        "bytes=0-1,",
        "bytes=--5",
        "bytes=+1-2",
        "bytes=1.0-2",
        "bytes=\u0661-\u0662",
        "records=0-1",
        "=0-1",
        "0-1",
    ],
)
def test_what_is_no_single_range_gets_all_of_the_content(header: str | None) -> None:
    assert parse_range(header, 10) is None


@pytest.mark.parametrize(
    "header", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=9999999999999999999999-"]
)
def test_a_range_without_a_byte_of_the_content_cannot_be_had(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, 10)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-1"])
def test_no_range_of_nothing_can_be_had(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, 0)


@given(st.text(alphabet="bytes=0123456789-, \t"), st.integers(0, 50))
def test_a_span_always_lies_within_the_content(header: str, size: int) -> None:
    try:
        span = parse_range(header, size)
    except RangeNotSatisfiable:
        return
    assert span is None or 0 <= span.start < span.end <= size
    assert span is None or isinstance(span, ByteRange)


@pytest.mark.parametrize(
    ("header", "fresh"),
    [
        (None, False),
        (ETAG, True),
        (f"W/{ETAG}", True),
        (f'"other", {ETAG}', True),
        ("*", True),
        ('"other"', False),
        (ETAG.strip('"'), False),
        ("", False),
    ],
)
def test_if_none_match_compares_weakly(header: str | None, fresh: bool) -> None:
    assert matches_if_none_match(header, ETAG) is fresh


@pytest.mark.parametrize(
    ("header", "holds"),
    [
        (None, True),
        (ETAG, True),
        (f"W/{ETAG}", False),
        ('"other"', False),
        ("Thu, 26 Nov 2026 01:40:37 GMT", False),
        ("*", False),
    ],
)
def test_if_range_compares_strongly_and_knows_no_dates(header: str | None, holds: bool) -> None:
    assert matches_if_range(header, ETAG) is holds
