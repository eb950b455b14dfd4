"""The type and product by which records of one request are compared."""

import pytest

from everlake.contract.envelope import type_and_product


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"_type":"email","_product_id":"p"}', ("email", "p")),
        (b'{"_product_id":" P ","_type":" Email\\t","data":{}}', ("email", " P ")),
        (b'{"_type":"email","_product_id":""}', ("email", "")),
        (b'{"_type":"email","_product_id":"' + b"p" * 128 + b'"}', ("email", "p" * 128)),
        (b'{"_type":"email","_product_id":"' + b"p" * 129 + b'"}', None),
        (b'{"_type":"fax","_product_id":"p"}', None),
        (b'{"_type":"email"}', None),
        (b'{"_product_id":"p"}', None),
        (b'{"_type":7,"_product_id":"p"}', None),
        (b'{"_type":"email","_product_id":null}', None),
        (b"[]", None),
        (b"{oops", None),
        (b"", None),
        (b'{"_type":"\xff","_product_id":"p"}', None),
        (b"[" * 100_000, None),
    ],
)
def test_only_a_record_with_valid_ones_counts(
    payload: bytes, expected: tuple[str, str] | None
) -> None:
    assert type_and_product(payload) == expected
