"""Query parameters and request headers: from text to the structs of the contract."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, NoReturn, TypeVar

import msgspec
from msgspec import inspect

from everlake.contract.envelope import canonical_event_at
from everlake.contract.errors import ErrorCode, WireError
from everlake.contract.queries import choices_of, given_type

_MAX_DIGITS = 4
"""Digits of a number at most. Converting a very long one would take quadratic time."""

Q = TypeVar("Q", bound=msgspec.Struct)


class _Parameter(NamedTuple):
    """How one parameter is parsed.

    ``parse`` raises ``ValueError`` for a text that breaks ``rule``. ``missing_rule`` is the rule
    that a request without the parameter breaks; None if it is optional.
    """

    attribute: str
    name: str
    parse: Callable[[str], object]
    rule: str
    missing_rule: str | None


def raise_invalid_parameter(name: str, rule: str) -> NoReturn:
    """Reject the parameter ``name``, which breaks ``rule``.

    Raises:
        WireError: ``INVALID_PARAMETER``.
    """
    raise WireError(ErrorCode.INVALID_PARAMETER, f"{name} {rule}.")


def parse_parameters(kind: type[Q], values: Mapping[str, str]) -> Q:
    """Return the query parameters, or the request headers, as a struct.

    Parameters that ``kind`` does not have are ignored.

    Args:
        kind: a struct of :mod:`everlake.contract.queries`.
        values: texts by parameter name; header names in any case if the mapping admits it.

    Raises:
        WireError: ``INVALID_PARAMETER`` for the first one that breaks its rule.
    """
    parsed: dict[str, object] = {}
    for parameter in _parameters(kind):
        text = values.get(parameter.name)
        if text is not None:
            try:
                parsed[parameter.attribute] = parameter.parse(text)
            except ValueError:
                raise_invalid_parameter(parameter.name, parameter.rule)
        elif parameter.missing_rule is not None:
            raise_invalid_parameter(parameter.name, parameter.missing_rule)
    return kind(**parsed)


@cache
def _parameters(kind: type[msgspec.Struct]) -> tuple[_Parameter, ...]:
    required_first = sorted(msgspec.structs.fields(kind), key=lambda field: not field.required)
    return tuple(map(_parameter, required_first))


def _parameter(field: msgspec.structs.FieldInfo) -> _Parameter:
    declared = given_type(field.type)
    info: Any = inspect.type_info(declared)
    extra: dict[str, str] = getattr(info, "extra", None) or {}
    parse, rule = _parser(declared, info.type if isinstance(info, inspect.Metadata) else info)
    missing_rule = extra.get("required", "is required") if field.required else None
    return _Parameter(field.name, field.encode_name, parse, rule, missing_rule)


def _parser(declared: Any, info: inspect.Type) -> tuple[Callable[[str], object], str]:
    """Return the parser of a type, and the rule to state for a text that it rejects."""
    choices = choices_of(declared)
    if choices:
        members = {choice: msgspec.convert(choice, declared) for choice in choices}
        return _one_of(members), f"must be {', '.join(choices[:-1])} or {choices[-1]}"
    match info:
        case inspect.BoolType():
            return _one_of({"true": True, "false": False}), "must be true or false"
        case inspect.IntType(ge=int(low), le=int(high)):
            return _whole_number(low, high), f"must be a whole number from {low} to {high}"
        case inspect.DateTimeType():
            return _event_time, "must be a UTC time such as 2026-03-01T00:00:00Z"
        case inspect.StrType(min_length=int(low), max_length=int(high)):
            return _text(low, high), f"must have {low:,} to {high:,} characters"
        case inspect.StrType(max_length=None):
            return str, "is a text"
        case _:
            raise TypeError(f"{declared} cannot be parsed from text")


def _one_of(members: Mapping[str, object]) -> Callable[[str], object]:
    def parse(text: str) -> object:
        if text not in members:
            raise ValueError(text)
        return members[text]

    return parse


def _whole_number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        digits = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
        if not (digits and low <= int(text) <= high):
            raise ValueError(text)
        return int(text)

    return parse


def _text(low: int, high: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not low <= len(text) <= high:
            raise ValueError(text)
        return text

    return parse


def _event_time(text: str) -> datetime:
    second = canonical_event_at(text)
    if second is None:
        raise ValueError(text)
    return datetime.fromisoformat(second)
