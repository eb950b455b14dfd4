"""Integrity checks: size and hashes of content against the values that its record states."""

import hashlib
import re
from typing import Protocol

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.types import ExpectedContent

_HEX = re.compile(r"[0-9a-fA-F]*", re.ASCII)
_HEX_LENGTHS = {"sha1": 40, "md5": 32}
_MISMATCH_CODES = {"sha1": FetchCode.SHA1_MISMATCH, "md5": FetchCode.MD5_MISMATCH}


class Hash(Protocol):
    """Hash object of :mod:`hashlib`, whose own type is private."""

    def update(self, data: bytes, /) -> None:
        """Add bytes to what is hashed."""
        ...

    def hexdigest(self) -> str:
        """Return the hash of all bytes so far, in hexadecimal."""
        ...


def check_expected(expected: ExpectedContent, max_bytes: int) -> None:
    """Check, before any request, that content can have the stated values at all.

    Raises:
        FetchError: ``TOO_LARGE``; ``SHA1_MISMATCH`` or ``MD5_MISMATCH`` for a malformed hash.
    """
    if expected.size is not None:
        check_max_bytes(expected.size, max_bytes)
    for name, stated in (("sha1", expected.sha1), ("md5", expected.md5)):
        if stated is not None and (len(stated) != _HEX_LENGTHS[name] or not _HEX.fullmatch(stated)):
            raise FetchError(
                _MISMATCH_CODES[name],
                f"the {name} stated in the record is malformed: write {_HEX_LENGTHS[name]} "
                "hexadecimal digits, or leave it out",
            )


def check_size(size: int, expected: ExpectedContent, max_bytes: int) -> None:
    """Check the announced or received size of content, in bytes.

    Raises:
        FetchError: ``TOO_LARGE``, ``SIZE_MISMATCH``.
    """
    check_max_bytes(size, max_bytes)
    if expected.size is not None and size != expected.size:
        raise size_mismatch(expected.size)


def check_max_bytes(size: int, max_bytes: int) -> None:
    """Check a size in bytes against the limit.

    Raises:
        FetchError: ``TOO_LARGE``.
    """
    if size > max_bytes:
        raise FetchError(
            FetchCode.TOO_LARGE,
            f"the content is larger than the limit of {max_bytes:,} bytes: send a smaller file",
        )


def size_mismatch(stated: int) -> FetchError:
    """Return the error of content that does not have the stated size."""
    return FetchError(
        FetchCode.SIZE_MISMATCH,
        f"the content does not have the {stated:,} bytes stated in the record: correct the size, "
        "or leave it out",
    )


def hashes_for(expected: ExpectedContent) -> dict[str, Hash]:
    """Return new hash objects by name: SHA-256 always, the others when a value is stated."""
    hashes: dict[str, Hash] = {"sha256": hashlib.sha256()}
    if expected.sha1 is not None:
        hashes["sha1"] = hashlib.sha1(usedforsecurity=False)
    if expected.md5 is not None:
        hashes["md5"] = hashlib.md5(usedforsecurity=False)
    return hashes


def check_hashes(hashes: dict[str, Hash], expected: ExpectedContent) -> None:
    """Compare the hashes of complete content with the stated ones.

    Raises:
        FetchError: ``SHA1_MISMATCH``, ``MD5_MISMATCH``.
    """
    for name, stated in (("sha1", expected.sha1), ("md5", expected.md5)):
        if stated is not None and hashes[name].hexdigest() != stated.lower():
            raise FetchError(
                _MISMATCH_CODES[name],
                f"the content has another {name} than stated in the record: the file was changed "
                "or damaged; send the record again with the current values",
            )
