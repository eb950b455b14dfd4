"""Rules of the envelope, derived from the types of :mod:`everlake.contract.envelope`.

A rule checks one level of a value, so that all errors of a record can be found; the types' own
decoder stops at the first.
"""

import inspect
from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Raw, UnsetType


class ObjectRule(msgspec.Struct, frozen=True):
    """An object with known members: by name, whether the member is required, and its rule."""

    members: dict[str, tuple[bool, "Rule"]]
    message: str = "must be an object"


class ArrayRule(msgspec.Struct, frozen=True):
    """An array of bounded length. ``max_checked`` items are checked, None for ``max_length``."""

    message: str
    item: "Rule"
    min_length: int
    max_length: int | None
    max_checked: int | None = None


class MapRule(msgspec.Struct, frozen=True):
    """An object with any members."""

    message: str
    value: "Rule"
    min_length: int


class LeafRule(msgspec.Struct, frozen=True):
    """A value without parts. ``decode`` raises for one that breaks the rule."""

    message: str
    decode: Callable[[Raw], object]


class DataRule(msgspec.Struct, frozen=True):
    """An object whose content is not checked."""

    message: str = "must be an object"


Rule = ObjectRule | ArrayRule | MapRule | LeafRule | DataRule


@cache
def rule_of(declared: Any) -> Rule:
    """Return the rule of a type of the envelope."""
    if declared is Raw:
        return DataRule()
    if inspect.isclass(declared) and issubclass(declared, msgspec.Struct):
        hints = get_type_hints(declared, include_extras=True)
        return ObjectRule(
            {
                field.encode_name: (field.required, rule_of(_without_unset(hints[field.name])))
                for field in msgspec.structs.fields(declared)
            }
        )
    bare, meta = get_args(declared)
    message = meta.extra["rule"]
    if get_origin(bare) is list:
        item = rule_of(get_args(bare)[0])
        return ArrayRule(message, item, meta.min_length or 0, meta.max_length)
    if get_origin(bare) is dict:
        return MapRule(message, rule_of(get_args(bare)[1]), meta.min_length or 0)
    return LeafRule(message, msgspec.json.Decoder(declared).decode)


def max_length_of(declared: Any) -> int:
    """Return the most characters of a string type of the envelope."""
    _, meta = get_args(declared)
    return meta.max_length


def _without_unset(declared: Any) -> Any:
    if get_origin(declared) not in {Union, UnionType}:
        return declared
    (kept,) = (part for part in get_args(declared) if part is not UnsetType)
    return kept
