"""A body taken apart into records, and judged as a whole (contract, Judged in this order, 4)."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw, UnsetType

from everlake.contract.envelope import Record
from everlake.contract.errors import ErrorCode, WireError
from everlake.contract.limits import Limits
from everlake.contract.media_types import MediaType
from everlake.ingest.diagnostics import describe_json_error
from everlake.ingest.normalization import (
    InvalidRecord,
    attachment_count,
    decode_record,
    decode_record_array,
    normalise,
    normalise_all,
)

_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class ValidRequest(msgspec.Struct, frozen=True):
    """One request's normalised records in the submitted order: right at the first look.

    ``line_breaks`` says whether there may be line breaks between the tokens of a record.
    """

    records: list[Record]
    record_type: str
    product_id: str
    line_breaks: bool


class ParsedRequest(msgspec.Struct, frozen=True):
    """The records of one request in the submitted order, looked at one by one.

    ``records`` are normalised; None stands where the fast verdict refused one. ``payloads``
    are the JSON texts as submitted. ``record_type`` (as compared) and ``product_id`` are those
    of the records that have both as strings, and None where no record has.
    """

    records: list[Record | None]
    payloads: list[bytes]
    record_type: str | None
    product_id: str | None


class _Wrapper(msgspec.Struct, forbid_unknown_fields=True):
    records: list[Record]


class _RecordHeader(msgspec.Struct):
    record_type: Raw | UnsetType = msgspec.field(name="_type", default=UNSET)
    product_id: Raw | UnsetType = msgspec.field(name="_product_id", default=UNSET)


_decode_wrapper = msgspec.json.Decoder(_Wrapper).decode
_decode_raw_array = msgspec.json.Decoder(list[Raw]).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_header = msgspec.json.Decoder(_RecordHeader).decode
_decode_text = msgspec.json.Decoder(str).decode


def parse_fast(body: bytes, media_type: MediaType, limits: Limits) -> ValidRequest | None:
    """The submission, where every record is right at the first look; else None.

    Raises:
        WireError: the request as a whole is at fault.
    """
    try:
        _check_utf8(body)
        records = _decode_all(body, media_type)
        normalise_all(records)
    except (*_DECODE_ERRORS, InvalidRecord):
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
    # msgspec does not look inside the strings of a Raw.
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
    """The submission, record by record, for a body in which something is wrong.

    Raises:
        WireError: the request as a whole is at fault.
    """
    split = _split_lines(body) if media_type is MediaType.NDJSON else _split_json(body)
    _check_count(len(split), limits)
    payloads = [bytes(payload) for payload in split]
    kinds = {kind for kind in map(_type_and_product, payloads) if kind}
    record_type = _single_value("_type", {kind[0] for kind in kinds}) if kinds else None
    product_id = _single_value("_product_id", {kind[1] for kind in kinds}) if kinds else None
    records = [_parse_record(payload, limits) for payload in payloads]
    return ParsedRequest(records, payloads, record_type, product_id)


def _split_lines(body: bytes) -> list[bytes]:
    return [line for line in body.split(b"\n") if line.strip()]


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
    except _DECODE_ERRORS as error:
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
            'A wrapper {"records": [...]} may have no other member: move what belongs to a record '
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
            f"{count:,} records are more than {limits.records_per_batch:,}: "
            "send them in several requests.",
        )


def _type_and_product(payload: bytes) -> tuple[str, str] | None:
    """Type (as compared) and product of a record that has both as strings."""
    try:
        head = _decode_header(payload)
        if head.record_type is UNSET or head.product_id is UNSET:
            return None
        return _decode_text(head.record_type).strip().lower(), _decode_text(head.product_id)
    except _DECODE_ERRORS:
        return None


def _single_value(member: str, values: set[str]) -> str:
    """The one value that all records have."""
    if len(values) > 1:
        raise WireError(
            ErrorCode.MIXED_BATCH,
            f"All records of a request must have the same {member}, these have {len(values)} "
            "different ones: send one request for each.",
        )
    (value,) = values
    return value


def _parse_record(payload: bytes, limits: Limits) -> Record | None:
    try:
        _check_utf8(payload)
        record = decode_record(payload)
        normalise(record)
    except (*_DECODE_ERRORS, InvalidRecord):
        return None
    return record if attachment_count(record) <= limits.attachments_per_record else None
