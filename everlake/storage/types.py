"""Types of object stores."""

from pathlib import Path
from typing import TypeAlias

import msgspec

DEFAULT_CHUNK_SIZE = 4 * 1024 * 1024
"""Bytes that are read of an object at a time, unless the caller says otherwise."""

Content: TypeAlias = Path | bytes
"""Content of a new object: a file, or bytes when it is small."""


class ObjectInfo(msgspec.Struct, frozen=True):
    """One listed object: its path, size in bytes, and last change in Unix milliseconds."""

    path: str
    size: int
    modified_ms: int
