"""The slow verdict: every error of a record that the fast one refused.

It walks the record's own JSON by the very types of :mod:`everlake.contract.envelope`, one
member at a time, so that the two verdicts rest on one set of rules.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from types import MappingProxyType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Raw, UnsetType

from everlake.contract.envelope import (
    EventAt,
    Record,
    RecordType,
    canonical_event_at,
    canonical_type,
)
from everlake.contract.errors import RecordErrorCode
from everlake.contract.limits import Limits
from everlake.ingest.normalization import decode_record
from everlake.ingest.upload_references import UPLOAD_MESSAGES, InvalidUploads

Diagnostic = tuple[RecordErrorCode, str]
_Violation = tuple[str, str]

_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_array = msgspec.json.Decoder(list[Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode

_MAX_NAME_SHOWN = 64
_MAX_UPLOAD_ID = 256
_LONE_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*"
    rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F])"
)
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _ObjectRule(msgspec.Struct, frozen=True):
    members: dict[str, tuple[bool, "_Rule"]]
    message: str = "must be an object"


class _ArrayRule(msgspec.Struct, frozen=True):
    message: str
    item: "_Rule"
    min_length: int
    max_length: int | None


class _MapRule(msgspec.Struct, frozen=True):
    message: str
    value: "_Rule"
    min_length: int


class _LeafRule(msgspec.Struct, frozen=True):
    message: str
    decode: Callable[[Raw], object]


class _DataRule(msgspec.Struct, frozen=True):
    message: str = "must be an object"


_Rule = _ObjectRule | _ArrayRule | _MapRule | _LeafRule | _DataRule


@cache
def _rule_of(declared: Any) -> _Rule:
    """One type of the envelope taken apart: its bounds and its sentence."""
    if declared is Raw:
        return _DataRule()
    if inspect.isclass(declared) and issubclass(declared, msgspec.Struct):
        hints = get_type_hints(declared, include_extras=True)
        return _ObjectRule(
            {
                field.encode_name: (field.required, _rule_of(_without_unset(hints[field.name])))
                for field in msgspec.structs.fields(declared)
            }
        )
    bare, meta = get_args(declared)
    sentence = meta.extra["rule"]
    if get_origin(bare) is list:
        item = _rule_of(get_args(bare)[0])
        return _ArrayRule(sentence, item, meta.min_length or 0, meta.max_length)
    if get_origin(bare) is dict:
        return _MapRule(sentence, _rule_of(get_args(bare)[1]), meta.min_length or 0)
    return _LeafRule(sentence, msgspec.json.Decoder(declared).decode)


def _without_unset(declared: Any) -> Any:
    if get_origin(declared) not in {Union, UnionType}:
        return declared
    (kept,) = (part for part in get_args(declared) if part is not UnsetType)
    return kept


def referenced_upload_ids(payload: bytes, limits: Limits) -> list[str]:
    """The uploads that one record names, right or not, as far as its attachments may go."""
    try:
        msgspec.json.decode(payload, type=Raw)
        payload.decode()
        members = _decode_object(payload)
    except _DECODE_ERRORS:
        return []
    return [name for _, name in _upload_references(members, limits)]


def diagnose(
    payload: bytes,
    *,
    limits: Limits,
    projects: frozenset[str] | None = None,
    uploads: InvalidUploads = MappingProxyType({}),
) -> Iterator[Diagnostic]:
    """Every error of one record that was refused; at least one.

    Args:
        payload: the record's JSON text as it was submitted.
        limits: for the number of attachments.
        projects: the product's projects, or None where the product is not known.
        uploads: those that no record may name.
    """
    try:
        raw = Raw(payload)
        msgspec.json.decode(payload, type=Raw)
        payload.decode()
    except _DECODE_ERRORS as error:
        yield RecordErrorCode.INVALID_JSON, describe_json_error(payload, error)
        return
    found = False
    for fault in _diagnose(raw, limits, projects, uploads):
        found = True
        yield fault
    if not found:
        # Only a member given twice gets here: each of its values is judged, the last one counts.
        yield RecordErrorCode.VALIDATION_ERROR, _describe_duplicate_member(payload)


def _diagnose(
    raw: Raw, limits: Limits, projects: frozenset[str] | None, uploads: InvalidUploads
) -> Iterator[Diagnostic]:
    for place, sentence in _check(raw, "", _rule_of(Record)):
        yield RecordErrorCode.VALIDATION_ERROR, f"{place or 'record'}: {sentence}"
    try:
        members = _decode_object(raw)
    except _DECODE_ERRORS:
        return
    for place, sentence in _check_cross_field_rules(members):
        yield RecordErrorCode.VALIDATION_ERROR, f"{place}: {sentence}"
    count = len(_array(members.get("_attachments")))
    if count > limits.attachments_per_record:
        yield (
            RecordErrorCode.TOO_MANY_ATTACHMENTS,
            f"_attachments: must hold at most {limits.attachments_per_record:,}, has {count:,}",
        )
    if projects is not None:
        yield from _unknown_projects(members, projects)
    for place, name in _upload_references(members, limits):
        if name in uploads:
            yield uploads[name], f"{place}: {UPLOAD_MESSAGES[uploads[name]]}"


def _check(raw: Raw, path: str, rule: _Rule) -> Iterator[_Violation]:
    try:
        match rule:
            case _ObjectRule():
                yield from _check_object(_decode_object(raw), path, rule)
            case _ArrayRule():
                yield from _check_array(_decode_array(raw), path, rule)
            case _MapRule():
                yield from _check_map(_decode_object(raw), path, rule)
            case _LeafRule():
                rule.decode(raw)
            case _DataRule():
                if not bytes(raw).startswith(b"{"):
                    yield path, rule.message
    except _DECODE_ERRORS:
        yield path, rule.message


def _check_object(members: dict[str, Raw], path: str, rule: _ObjectRule) -> Iterator[_Violation]:
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


def _check_array(items: list[Raw], path: str, rule: _ArrayRule) -> Iterator[_Violation]:
    if len(items) < rule.min_length or (
        rule.max_length is not None and len(items) > rule.max_length
    ):
        yield path, rule.message
    # What lies past the end of a full array is refused by the sentence above.
    for number, item in enumerate(islice(items, rule.max_length)):
        yield from _check(item, f"{path}[{number}]", rule.item)


def _check_map(entries: dict[str, Raw], path: str, rule: _MapRule) -> Iterator[_Violation]:
    if len(entries) < rule.min_length:
        yield path, rule.message
    for name, value in entries.items():
        yield from _check(value, f"{path}.{_printable_name(name)}", rule.value)


def _check_cross_field_rules(members: dict[str, Raw]) -> Iterator[_Violation]:
    """The rules of :func:`everlake.ingest.normalization.normalise`."""
    record_type, event_at = _text(members.get("_type")), _text(members.get("_event_at"))
    if record_type is not None and canonical_type(record_type) is None:
        yield "_type", _message_of(RecordType)
    # A longer text has broken its type's rule, which is the same sentence.
    if event_at is not None and len(event_at) <= 24 and canonical_event_at(event_at) is None:
        yield "_event_at", _message_of(EventAt)
    if "_project_id" not in members and "_project_ids" not in members:
        yield "_project_ids", "is required, or _project_id in its place"


def _message_of(declared: Any) -> str:
    return _rule_of(declared).message


def _unknown_projects(members: dict[str, Raw], projects: frozenset[str]) -> Iterator[Diagnostic]:
    for number, item in enumerate(_array(members.get("_project_ids"))):
        yield from _unknown_project(item, f"_project_ids[{number}]", projects)
    yield from _unknown_project(members.get("_project_id"), "_project_id", projects)


def _unknown_project(raw: Raw | None, path: str, projects: frozenset[str]) -> Iterator[Diagnostic]:
    name = _text(raw)
    if name is not None and len(name) <= 128 and name not in projects:
        yield (
            RecordErrorCode.UNKNOWN_PROJECT,
            f"{path}: {_printable_name(name)} is not a project of this product",
        )


def _upload_references(members: dict[str, Raw], limits: Limits) -> Iterator[_Violation]:
    """The uploads that are named, each with its place; what is too many is looked at no more."""
    attachments = _array(members.get("_attachments"))
    for number, item in enumerate(attachments[: limits.attachments_per_record]):
        try:
            name = _text(_decode_object(item).get("upload_intent_id"))
        except _DECODE_ERRORS:
            continue
        if name is not None and len(name) <= _MAX_UPLOAD_ID:
            yield f"_attachments[{number}].upload_intent_id", name


def _text(raw: Raw | None) -> str | None:
    if raw is None:
        return None
    try:
        return _decode_text(raw)
    except _DECODE_ERRORS:
        return None


def _array(raw: Raw | None) -> list[Raw]:
    if raw is None:
        return []
    try:
        return _decode_array(raw)
    except _DECODE_ERRORS:
        return []


def _printable_name(name: str) -> str:
    """A name from outside, short and printable."""
    short = name if len(name) <= _MAX_NAME_SHOWN else name[:_MAX_NAME_SHOWN] + "…"
    return short if short.isprintable() and short else repr(short)


def _describe_duplicate_member(payload: bytes) -> str:
    try:
        decode_record(payload)
    except msgspec.ValidationError as error:
        return f"record: a member is given twice, and one of its values breaks a rule ({error})"
    return "record: a member is given twice, and one of its values breaks a rule"


def describe_json_error(text: bytes, error: Exception) -> str:
    """What is wrong with ``text`` as JSON (RFC 8259), and what to do."""
    if text.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in text[:4]:
        return "The text is not UTF-8 but looks like UTF-16 or UTF-32: send UTF-8."
    if text.startswith(b"\xef\xbb\xbf"):
        return "The text starts with a byte order mark: send UTF-8 without one."
    if isinstance(error, UnicodeDecodeError):
        return f"The text is not UTF-8: byte {error.start} does not belong to any character."
    if isinstance(error, RecursionError):
        return "The text is nested too deep: send at most 900 levels."
    try:
        text.decode()
    except UnicodeDecodeError as bad:
        return f"The text is not UTF-8: byte {bad.start} does not belong to any character."
    if not text.strip():
        return "The text is empty: send one JSON object."
    if _LONE_SURROGATE.search(text):
        return "The text is not JSON: a \\ud8xx to \\udfxx escape stands without its other half."
    reason = str(error).removeprefix("JSON is malformed: ")
    return f"The text is not JSON: {reason}. Only JSON by RFC 8259 is accepted."
