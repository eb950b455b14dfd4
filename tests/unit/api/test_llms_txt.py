import re

import msgspec

from everlake.api.reference.llms_txt import render_llms_txt
from everlake.contract.batches import BatchStatus
from everlake.contract.envelope import (
    RECORD_TYPES,
    Record,
    canonical_event_at,
    canonical_type,
)
from everlake.contract.errors import ErrorCode, RecordErrorCode
from everlake.contract.limits import Limits

PAGE = render_llms_txt(Limits(), base_url="http://lake.example:8400/")


def test_the_page_has_the_form_of_llmstxt() -> None:
    lines = PAGE.splitlines()
    assert lines[0] == "# Everlake"
    assert lines[2].startswith("> ")
    assert [line for line in lines if line.startswith("# ")] == ["# Everlake"]


def test_every_address_starts_with_the_base_url() -> None:
    assert "{" not in "".join(re.findall(r"https?://\S+", PAGE))
    assert set(re.findall(r"https?://[^/\s]+", PAGE)) == {"http://lake.example:8400"}
    assert "8400//" not in PAGE
    assert "(http://lake.example:8400/openapi.json)" in PAGE
    assert "(http://lake.example:8400/docs)" in PAGE


def test_the_example_is_a_record_that_keeps_every_rule() -> None:
    body = re.search(r"-d '(\{.*?\n\})'", PAGE, re.DOTALL)
    assert body is not None
    record = msgspec.json.decode(body[1], type=Record)
    assert canonical_type(record.type) == record.type
    assert canonical_event_at(record.event_at) is not None
    assert record.project_ids
    assert "'" not in body[1]


def test_every_member_type_status_and_code_is_named() -> None:
    names = [
        *msgspec.structs.fields(Record),
        *RECORD_TYPES,
        *BatchStatus,
        *ErrorCode,
        *RecordErrorCode,
    ]
    for name in names:
        assert f"`{getattr(name, 'encode_name', name)}`" in PAGE


def test_limits_in_force_are_named() -> None:
    page = render_llms_txt(Limits(records_per_batch=77, body_bytes=4_321), base_url="http://a")
    assert "77 records and 4,321 bytes" in page
