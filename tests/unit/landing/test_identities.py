"""Identities of landed records agree with the whole records."""

import pytest
from msgspec import Raw

from everlake.contract.envelope import Record
from everlake.landing.accepted import (
    LandedIdentity,
    decode_accepted,
    decode_identities,
    encode_accepted,
)
from everlake.landing.errors import LandingDamaged

DATA = (b'{"a":1}', b'{ "a" :\r\n 1 }', '{"é":"😀"}'.encode())


def lines_of(*datas: bytes) -> bytes:
    return encode_accepted(
        [
            Record(
                type="email",
                schema_version="1.0.0",
                event_at="2026-03-01T10:00:00Z",
                vendor_ids={"id": str(number), "z": "\u2028"},
                product_id="prod",
                project_ids=["proj"],
                data=Raw(data),
            )
            for number, data in enumerate(datas)
        ]
    )


def test_identities_are_those_of_the_whole_records() -> None:
    lines = lines_of(*DATA)

    assert decode_identities(lines, 7) == [
        LandedIdentity(
            record_id=record.record_id,
            version=record.version,
            record_type="email",
            product_id="prod",
        )
        for record in decode_accepted(lines, 7)
    ]


def test_no_lines_have_no_identities() -> None:
    assert decode_identities(b"", 1) == []


@pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b'{"_type":"email"\n', b"\xff\n"])
def test_an_invalid_line_is_reported(line: bytes) -> None:
    with pytest.raises(LandingDamaged, match="a line of it is not a record"):
        decode_identities(lines_of(*DATA) + line, 1)
