"""Media types of request bodies."""

import pytest

from everlake.contract.errors import ErrorCode, WireError
from everlake.contract.media_types import MediaType, parse_media_type


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/json", MediaType.JSON),
        ("APPLICATION/JSON ; charset=utf-8", MediaType.JSON),
        ('application/x-ndjson;charset="UTF8"', MediaType.NDJSON),
        ("application/json; version=1", MediaType.JSON),
    ],
)
def test_parameters_and_case_do_not_matter(header: str, expected: MediaType) -> None:
    assert parse_media_type(header) is expected


@pytest.mark.parametrize(
    "header",
    ["", "text/plain", "application/json, text/plain", "application/json; charset=latin-1"],
)
def test_another_type_or_charset_is_rejected(header: str) -> None:
    with pytest.raises(WireError) as caught:
        parse_media_type(header)

    assert caught.value.code is ErrorCode.UNSUPPORTED_MEDIA_TYPE
