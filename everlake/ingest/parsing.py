"""Parsing of a request body into records, and the checks of the request as a whole.

Contract, Judged in this order, 4. Parsing is pure: it reads neither catalog nor storage.
"""

from collections.abc import Sequence
from io import BytesIO

import msgspec
from msgspec import Raw

from everlake.contract.envelope import DECODE_ERRORS, Record, type_and_product
from everlake.contract.errors import ErrorCode, WireError
from everlake.contract.json_errors import describe_json_error
from everlake.contract.limits import Limits
from everlake.contract.media_types import MediaType
from everlake.ingest.normalization import (
    InvalidRecord,
    attachment_count,
    decode_record,
    decode_record_array,
    normalize,
    normalize_all,
)


class ValidRequest(msgspec.Struct, frozen=True):
    """Parsed request whose records are all valid, as far as they are checked without the catalog.

    Attributes:
        records: normalised, in the submitted order.
        record_type: of all records.
        product_id: of all records.
        line_breaks: whether there may be line breaks between the tokens of a record.
    """

    records: list[Record]
    record_type: str
    product_id: str
    line_breaks: bool


class ParsedRequest(msgspec.Struct, frozen=True):
    """Parsed request, some records of which may be invalid.

    Attributes:
        records: normalised, in the submitted order; None for an invalid one.
        payloads: the records' JSON texts as submitted.
        record_type: of all records whose type and product are both valid by themselves; None where
            there is no such record.
        product_id: likewise.
    """

    records: list[Record | None]
    payloads: list[bytes]
    record_type: str | None
    product_id: str | None


class _Wrapper(msgspec.Struct, forbid_unknown_fields=True):
    records: list[Record]


_decode_wrapper = msgspec.json.Decoder(_Wrapper).decode
_decode_raw_array = msgspec.json.Decoder(list[Raw]).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def parse_fast(body: bytes, media_type: MediaType, limits: Limits) -> ValidRequest | None:
    """Return the request if every record of it is valid, otherwise None.

    None as well for many more lines than a request has records: this runs in the event loop.

    Raises:
        WireError: the request as a whole is invalid.
    """
    if media_type is MediaType.NDJSON and body.count(b"\n") > 2 * limits.records_per_batch:
        return None
    try:
        _check_utf8(body)
        records = _decode_all(body, media_type)
        normalize_all(records)
    except (*DECODE_ERRORS, InvalidRecord):
        return None
    _check_count(len(records), limits)
    if max(map(attachment_count, records)) > limits.attachments_per_record:
        return None
    return ValidRequest(
        records,
        _single_value("_type", {record.type for record in records}),
        _single_value("_product_id", {record.product_id for record in records}),
        line_breaks=b"\r" in body or (media_type is MediaType.JSON and b"\n" in body),
    )


def _check_utf8(text: bytes) -> None:
    # msgspec does not check the encoding of strings within a Raw.
    if not text.isascii():
        text.decode()


def _decode_all(body: bytes, media_type: MediaType) -> list[Record]:
    if media_type is MediaType.NDJSON:
        return [decode_record(line) for line in body.split(b"\n") if line.strip()]
    if body.lstrip()[:1] == b"[":
        return decode_record_array(body)
    try:
        return _decode_wrapper(body).records
    except msgspec.ValidationError:
        return [decode_record(body)]


def parse_each(body: bytes, media_type: MediaType, limits: Limits) -> ParsedRequest:
    """Return the request with each record parsed by itself, whether it is valid or not.

    Raises:
        WireError: the request as a whole is invalid.
    """
    split = _split_lines(body) if media_type is MediaType.NDJSON else _split_json(body)
    _check_count(len(split), limits)
    payloads = [bytes(payload) for payload in split]
    pairs = {pair for pair in map(type_and_product, payloads) if pair is not None}
    record_type = _single_value("_type", {pair[0] for pair in pairs}) if pairs else None
    product_id = _single_value("_product_id", {pair[1] for pair in pairs}) if pairs else None
    records = [_parse_record(payload, limits) for payload in payloads]
    return ParsedRequest(records, payloads, record_type, product_id)


def _split_lines(body: bytes) -> list[bytes]:
    # One line at a time: a body of line breaks alone has five million.
    return [line.removesuffix(b"\n") for line in BytesIO(body) if line.strip()]


def _split_json(body: bytes) -> Sequence[Raw | bytes]:
    try:
        _check_utf8(body)
        whole = msgspec.json.decode(body, type=Raw)
        first = bytes(whole).lstrip()[:1]
        if first == b"[":
            return _decode_raw_array(body)
        if first == b"{":
            members = _decode_members(body)
            return _split_object(body, members)
    except DECODE_ERRORS as error:
        raise WireError(ErrorCode.INVALID_JSON, describe_json_error(body, error)) from None
    raise WireError(
        ErrorCode.INVALID_BODY,
        'The body must be one record, an array of records, or {"records": [...]}.',
    )


def _split_object(body: bytes, members: dict[str, Raw]) -> Sequence[Raw | bytes]:
    if "records" not in members:
        return [body.strip()]
    if len(members) > 1:
        raise WireError(
            ErrorCode.INVALID_BODY,
            'The wrapper {"records": [...]} must have no other member: move members of a record '
            "into the record, and leave out the rest.",
        )
    records = bytes(members["records"])
    if not records.lstrip().startswith(b"["):
        raise WireError(ErrorCode.INVALID_BODY, "records must be an array of records.")
    return _decode_raw_array(records)


def _check_count(count: int, limits: Limits) -> None:
    if count == 0:
        raise WireError(ErrorCode.EMPTY_BATCH, "There is no record in the body: send at least one.")
    if count > limits.records_per_batch:
        raise WireError(
            ErrorCode.TOO_MANY_RECORDS,
            f"The body holds {count:,} records, more than {limits.records_per_batch:,}: "
            "send them in several requests.",
        )


def _single_value(member: str, values: set[str]) -> str:
    """Return the value that all records of a request must share."""
    if len(values) > 1:
        raise WireError(
            ErrorCode.MIXED_BATCH,
            f"All records of a request must have the same {member}, and these have {len(values)} "
            "different ones: send one request for each.",
        )
    (value,) = values
    return value


def _parse_record(payload: bytes, limits: Limits) -> Record | None:
    try:
        _check_utf8(payload)
        record = decode_record(payload)
        normalize(record)
    except (*DECODE_ERRORS, InvalidRecord):
        return None
    return record if attachment_count(record) <= limits.attachments_per_record else None
