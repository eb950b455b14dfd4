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
from everlake.ingest.uploads import SENTENCES, BadUploads
from everlake.ingest.validate import decode_record

Fault = tuple[RecordErrorCode, str]
_Finding = tuple[str, str]

_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_array = msgspec.json.Decoder(list[Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode

_NAME_SHOWN = 64
_MOST_UPLOAD_ID = 256
_LONE_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*"
    rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F])"
)
_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _ObjectRule(msgspec.Struct, frozen=True):
    members: dict[str, tuple[bool, "_Rule"]]
    sentence: str = "must be an object"


class _ArrayRule(msgspec.Struct, frozen=True):
    sentence: str
    item: "_Rule"
    least: int
    most: int | None


class _MapRule(msgspec.Struct, frozen=True):
    sentence: str
    value: "_Rule"
    least: int


class _LeafRule(msgspec.Struct, frozen=True):
    sentence: str
    decode: Callable[[Raw], object]


class _DataRule(msgspec.Struct, frozen=True):
    sentence: str = "must be an object"


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


def uploads_named(payload: bytes, limits: Limits) -> list[str]:
    """The uploads that one record names, right or not, as far as its attachments may go."""
    try:
        msgspec.json.decode(payload, type=Raw)
        payload.decode()
        members = _decode_object(payload)
    except _REFUSALS:
        return []
    return [name for _, name in _uploads(members, limits)]


def explain(
    payload: bytes,
    *,
    limits: Limits,
    projects: frozenset[str] | None = None,
    uploads: BadUploads = MappingProxyType({}),
) -> Iterator[Fault]:
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
    except _REFUSALS as error:
        yield RecordErrorCode.INVALID_JSON, describe_json_error(payload, error)
        return
    found = False
    for fault in _judge(raw, limits, projects, uploads):
        found = True
        yield fault
    if not found:
        # Only a member given twice gets here: each of its values is judged, the last one counts.
        yield RecordErrorCode.VALIDATION_ERROR, _repeated_member(payload)


def _judge(
    raw: Raw, limits: Limits, projects: frozenset[str] | None, uploads: BadUploads
) -> Iterator[Fault]:
    for place, sentence in _walk(raw, "", _rule_of(Record)):
        yield RecordErrorCode.VALIDATION_ERROR, f"{place or 'record'}: {sentence}"
    try:
        members = _decode_object(raw)
    except _REFUSALS:
        return
    for place, sentence in _beyond_types(members):
        yield RecordErrorCode.VALIDATION_ERROR, f"{place}: {sentence}"
    count = len(_array(members.get("_attachments")))
    if count > limits.attachments_per_record:
        yield (
            RecordErrorCode.TOO_MANY_ATTACHMENTS,
            f"_attachments: must hold at most {limits.attachments_per_record:,}, has {count:,}",
        )
    if projects is not None:
        yield from _unknown_projects(members, projects)
    for place, name in _uploads(members, limits):
        if name in uploads:
            yield uploads[name], f"{place}: {SENTENCES[uploads[name]]}"


def _walk(raw: Raw, place: str, rule: _Rule) -> Iterator[_Finding]:
    try:
        match rule:
            case _ObjectRule():
                yield from _walk_object(_decode_object(raw), place, rule)
            case _ArrayRule():
                yield from _walk_array(_decode_array(raw), place, rule)
            case _MapRule():
                yield from _walk_map(_decode_object(raw), place, rule)
            case _LeafRule():
                rule.decode(raw)
            case _DataRule():
                if not bytes(raw).startswith(b"{"):
                    yield place, rule.sentence
    except _REFUSALS:
        yield place, rule.sentence


def _walk_object(given: dict[str, Raw], place: str, rule: _ObjectRule) -> Iterator[_Finding]:
    prefix = place + "." if place else ""
    for name, (required, member) in rule.members.items():
        if name in given:
            yield from _walk(given[name], prefix + name, member)
        elif required:
            yield prefix + name, "is required"
    for name in given:
        if name not in rule.members:
            yield prefix + _shown(name), "is not a member of the envelope: put it inside data"


def _walk_array(items: list[Raw], place: str, rule: _ArrayRule) -> Iterator[_Finding]:
    if len(items) < rule.least or (rule.most is not None and len(items) > rule.most):
        yield place, rule.sentence
    # What lies past the end of a full array is refused by the sentence above.
    for number, item in enumerate(islice(items, rule.most)):
        yield from _walk(item, f"{place}[{number}]", rule.item)


def _walk_map(given: dict[str, Raw], place: str, rule: _MapRule) -> Iterator[_Finding]:
    if len(given) < rule.least:
        yield place, rule.sentence
    for name, value in given.items():
        yield from _walk(value, f"{place}.{_shown(name)}", rule.value)


def _beyond_types(members: dict[str, Raw]) -> Iterator[_Finding]:
    """The rules of :func:`everlake.ingest.validate.normalise`."""
    record_type, event_at = _text(members.get("_type")), _text(members.get("_event_at"))
    if record_type is not None and canonical_type(record_type) is None:
        yield "_type", _sentence_of(RecordType)
    # A longer text has broken its type's rule, which is the same sentence.
    if event_at is not None and len(event_at) <= 24 and canonical_event_at(event_at) is None:
        yield "_event_at", _sentence_of(EventAt)
    if "_project_id" not in members and "_project_ids" not in members:
        yield "_project_ids", "is required, or _project_id in its place"


def _sentence_of(declared: Any) -> str:
    return _rule_of(declared).sentence


def _unknown_projects(members: dict[str, Raw], projects: frozenset[str]) -> Iterator[Fault]:
    for number, item in enumerate(_array(members.get("_project_ids"))):
        yield from _unknown_project(item, f"_project_ids[{number}]", projects)
    yield from _unknown_project(members.get("_project_id"), "_project_id", projects)


def _unknown_project(raw: Raw | None, place: str, projects: frozenset[str]) -> Iterator[Fault]:
    name = _text(raw)
    if name is not None and len(name) <= 128 and name not in projects:
        yield (
            RecordErrorCode.UNKNOWN_PROJECT,
            f"{place}: {_shown(name)} is not a project of this product",
        )


def _uploads(members: dict[str, Raw], limits: Limits) -> Iterator[_Finding]:
    """The uploads that are named, each with its place; what is too many is looked at no more."""
    attachments = _array(members.get("_attachments"))
    for number, item in enumerate(attachments[: limits.attachments_per_record]):
        try:
            name = _text(_decode_object(item).get("upload_intent_id"))
        except _REFUSALS:
            continue
        if name is not None and len(name) <= _MOST_UPLOAD_ID:
            yield f"_attachments[{number}].upload_intent_id", name


def _text(raw: Raw | None) -> str | None:
    if raw is None:
        return None
    try:
        return _decode_text(raw)
    except _REFUSALS:
        return None


def _array(raw: Raw | None) -> list[Raw]:
    if raw is None:
        return []
    try:
        return _decode_array(raw)
    except _REFUSALS:
        return []


def _shown(name: str) -> str:
    """A name from outside, short and printable."""
    short = name if len(name) <= _NAME_SHOWN else name[:_NAME_SHOWN] + "…"
    return short if short.isprintable() and short else repr(short)


def _repeated_member(payload: bytes) -> str:
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
