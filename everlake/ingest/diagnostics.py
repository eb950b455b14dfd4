"""Diagnostics: all errors of a record that was not accepted.

The record's JSON is checked member by member against rules derived from the envelope's types, so
that these errors and the decoder, which accepts or rejects a record, cannot disagree.
"""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from types import MappingProxyType
from typing import Any, cast

import msgspec
from msgspec import Raw

from everlake.contract.envelope import (
    DECODE_ERRORS,
    EventAt,
    Record,
    RecordType,
    Text128,
    Text256,
    canonical_event_at,
    canonical_type,
)
from everlake.contract.errors import RecordErrorCode
from everlake.contract.json_errors import describe_json_error
from everlake.contract.limits import MAX_ERRORS_PER_RECORD, Limits
from everlake.ingest.envelope_rules import (
    ArrayRule,
    DataRule,
    LeafRule,
    MapRule,
    ObjectRule,
    Rule,
    max_length_of,
    rule_of,
)
from everlake.ingest.normalization import decode_record
from everlake.ingest.upload_references import UPLOAD_MESSAGES, InvalidUploads

Diagnostic = tuple[RecordErrorCode, str]
"""Code and message of one error."""
_Violation = tuple[str, str]
"""Path of a value, and the message of the rule that it breaks."""

_MAX_NAME_SHOWN = 64
_MORE_ERRORS = f"record: has more errors; the first {MAX_ERRORS_PER_RECORD - 1:,} are listed"
_MAX_EVENT_AT = max_length_of(EventAt)
_MAX_PROJECT_ID = max_length_of(Text128)
_MAX_UPLOAD_ID = max_length_of(Text256)

_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_array = msgspec.json.Decoder(list[Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode


def referenced_upload_ids(payload: bytes, limits: Limits) -> list[str]:
    """Return the ids of the uploads that a record, valid or not, refers to.

    Args:
        payload: the record's JSON text as submitted.
        limits: attachments above the limit of a record are not read.
    """
    try:
        _check_json(payload)
        members = _decode_object(payload)
    except DECODE_ERRORS:
        return []
    return [upload_id for _, upload_id in _upload_references(members, limits)]


def diagnose(
    payload: bytes,
    *,
    limits: Limits,
    projects: frozenset[str] | None = None,
    uploads: InvalidUploads = MappingProxyType({}),
) -> Iterator[Diagnostic]:
    """Yield the errors of a record that was not accepted: at least one, and at most 1,000.

    Where there are more, the last one says so, and the rest of the record is not checked.

    Args:
        payload: the record's JSON text as submitted.
        limits: bounds the number of attachments.
        projects: ids of the product's projects; None where the product is not known.
        uploads: that the record must not refer to.
    """
    try:
        _check_json(payload)
    except DECODE_ERRORS as error:
        yield RecordErrorCode.INVALID_JSON, describe_json_error(payload, error)
        return
    diagnostics = _diagnose(Raw(payload), limits, projects, uploads)
    found = list(islice(diagnostics, MAX_ERRORS_PER_RECORD + 1))
    if len(found) > MAX_ERRORS_PER_RECORD:
        found[MAX_ERRORS_PER_RECORD - 1 :] = [(RecordErrorCode.VALIDATION_ERROR, _MORE_ERRORS)]
    yield from found
    if not found:
        # A member that appears twice: the decoder checks each of its values, the rules the last.
        yield RecordErrorCode.VALIDATION_ERROR, _describe_duplicate_member(payload)


def _check_json(payload: bytes) -> None:
    msgspec.json.decode(payload, type=Raw)
    # msgspec does not check the encoding of strings within a Raw.
    payload.decode()


def _diagnose(
    raw: Raw, limits: Limits, projects: frozenset[str] | None, uploads: InvalidUploads
) -> Iterator[Diagnostic]:
    for path, message in _check(raw, "", _record_rule(limits)):
        yield RecordErrorCode.VALIDATION_ERROR, f"{path or 'record'}: {message}"
    try:
        members = _decode_object(raw)
    except DECODE_ERRORS:
        return
    for path, message in _check_semantics(members):
        yield RecordErrorCode.VALIDATION_ERROR, f"{path}: {message}"
    count = len(_array(members.get("_attachments")))
    if count > limits.attachments_per_record:
        yield (
            RecordErrorCode.TOO_MANY_ATTACHMENTS,
            f"_attachments: must hold at most {limits.attachments_per_record:,}, has {count:,}",
        )
    if projects is not None:
        yield from _unknown_projects(members, projects)
    for path, upload_id in _upload_references(members, limits):
        if upload_id in uploads:
            yield uploads[upload_id], f"{path}: {UPLOAD_MESSAGES[uploads[upload_id]]}"


@cache
def _record_rule(limits: Limits) -> ObjectRule:
    """Return the rule of a record, which checks attachments up to their limit alone."""
    rule = cast("ObjectRule", rule_of(Record))
    required, attachments = rule.members["_attachments"]
    bounded = msgspec.structs.replace(
        cast("ArrayRule", attachments), max_checked=limits.attachments_per_record
    )
    return msgspec.structs.replace(
        rule, members={**rule.members, "_attachments": (required, bounded)}
    )


def _check(raw: Raw, path: str, rule: Rule) -> Iterator[_Violation]:
    try:
        match rule:
            case ObjectRule():
                yield from _check_object(_decode_object(raw), path, rule)
            case ArrayRule():
                yield from _check_array(_decode_array(raw), path, rule)
            case MapRule():
                yield from _check_map(_decode_object(raw), path, rule)
            case LeafRule():
                rule.decode(raw)
            case DataRule():
                if not bytes(raw).startswith(b"{"):
                    yield path, rule.message
    except DECODE_ERRORS:
        yield path, rule.message


def _check_object(members: dict[str, Raw], path: str, rule: ObjectRule) -> Iterator[_Violation]:
    prefix = path + "." if path else ""
    for name, (required, member) in rule.members.items():
        if name in members:
            yield from _check(members[name], prefix + name, member)
        elif required:
            yield prefix + name, "is required"
    for name in members:
        if name not in rule.members:
            yield (
                prefix + _printable_name(name),
                "is not a member of the envelope: put it inside data",
            )


def _check_array(items: list[Raw], path: str, rule: ArrayRule) -> Iterator[_Violation]:
    if len(items) < rule.min_length or (
        rule.max_length is not None and len(items) > rule.max_length
    ):
        yield path, rule.message
    # Items above the maximum are covered by another message.
    most = rule.max_length if rule.max_checked is None else rule.max_checked
    for number, item in enumerate(islice(items, most)):
        yield from _check(item, f"{path}[{number}]", rule.item)


def _check_map(entries: dict[str, Raw], path: str, rule: MapRule) -> Iterator[_Violation]:
    if len(entries) < rule.min_length:
        yield path, rule.message
    for name, value in entries.items():
        yield from _check(value, f"{path}.{_printable_name(name)}", rule.value)


def _check_semantics(members: dict[str, Raw]) -> Iterator[_Violation]:
    """Check the rules of :func:`everlake.ingest.normalization.normalize`."""
    record_type, event_at = _text(members.get("_type")), _text(members.get("_event_at"))
    if record_type is not None and canonical_type(record_type) is None:
        yield "_type", _message_of(RecordType)
    # A longer text has broken its type's rule, which has the same message.
    if (
        event_at is not None
        and len(event_at) <= _MAX_EVENT_AT
        and canonical_event_at(event_at) is None
    ):
        yield "_event_at", _message_of(EventAt)
    if "_project_id" not in members and "_project_ids" not in members:
        yield "_project_ids", "is required, or _project_id in its place"


def _message_of(declared: Any) -> str:
    return rule_of(declared).message


def _unknown_projects(members: dict[str, Raw], projects: frozenset[str]) -> Iterator[Diagnostic]:
    for number, item in enumerate(_array(members.get("_project_ids"))):
        yield from _unknown_project(item, f"_project_ids[{number}]", projects)
    yield from _unknown_project(members.get("_project_id"), "_project_id", projects)


def _unknown_project(raw: Raw | None, path: str, projects: frozenset[str]) -> Iterator[Diagnostic]:
    project_id = _text(raw)
    # A longer text has broken its type's rule.
    if project_id is not None and len(project_id) <= _MAX_PROJECT_ID and project_id not in projects:
        yield (
            RecordErrorCode.UNKNOWN_PROJECT,
            f"{path}: {_printable_name(project_id)} is not a project of this product",
        )


def _upload_references(members: dict[str, Raw], limits: Limits) -> Iterator[tuple[str, str]]:
    """Yield the path and id of each reference to an upload, up to the limit of attachments."""
    attachments = _array(members.get("_attachments"))
    for number, item in enumerate(attachments[: limits.attachments_per_record]):
        try:
            upload_id = _text(_decode_object(item).get("upload_intent_id"))
        except DECODE_ERRORS:
            continue
        if upload_id is not None and len(upload_id) <= _MAX_UPLOAD_ID:
            yield f"_attachments[{number}].upload_intent_id", upload_id


def _text(raw: Raw | None) -> str | None:
    if raw is None:
        return None
    try:
        return _decode_text(raw)
    except DECODE_ERRORS:
        return None


def _array(raw: Raw | None) -> list[Raw]:
    if raw is None:
        return []
    try:
        return _decode_array(raw)
    except DECODE_ERRORS:
        return []


def _printable_name(name: str) -> str:
    """Return a name from a request in a short and printable form."""
    short = name if len(name) <= _MAX_NAME_SHOWN else name[:_MAX_NAME_SHOWN] + "…"
    return short if short.isprintable() and short else repr(short)


def _describe_duplicate_member(payload: bytes) -> str:
    try:
        decode_record(payload)
    except msgspec.ValidationError as error:
        return f"record: a member is given twice, and one of its values breaks a rule ({error})"
    return "record: a member is given twice, and one of its values breaks a rule"
