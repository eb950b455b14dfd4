"""Types of a copy to another storage."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

ProgressCallback: TypeAlias = Callable[[int], None]
"""Is called with the number of objects that are done."""

ObjectSizes: TypeAlias = Mapping[str, int]
"""Sizes of objects in bytes, by path."""


class ObjectTotals(msgspec.Struct, frozen=True):
    """Number of objects, and their size in bytes."""

    objects: int
    bytes: int


def missing_paths(wanted: ObjectSizes, present: ObjectSizes) -> list[str]:
    """Return the sorted paths of wanted objects that are not present in the same size."""
    return sorted(path for path, size in wanted.items() if present.get(path) != size)
