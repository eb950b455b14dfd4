"""Query parameters and cursors: from text to values, or ``INVALID_PARAMETER``."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import NoReturn

from everlake.contract.envelope import canonical_event_at
from everlake.contract.errors import ErrorCode, WireError

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_CURSOR_LENGTH = 256
_CHECKSUM_BYTES = 8


def raise_invalid_parameter(name: str, rule: str) -> NoReturn:
    """Refuse the parameter ``name``, which breaks ``rule``.

    Raises:
        WireError: ``INVALID_PARAMETER``.
    """
    raise WireError(ErrorCode.INVALID_PARAMETER, f"{name} {rule}.")


def parse_page_size(query: Mapping[str, str]) -> int:
    """The page size: 1 to 100, default 20."""
    text = query.get("limit")
    if text is None:
        return DEFAULT_PAGE_SIZE
    if not (
        text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_PAGE_SIZE
    ):
        raise_invalid_parameter("limit", f"must be a whole number from 1 to {MAX_PAGE_SIZE}")
    return int(text)


def parse_flag(query: Mapping[str, str], name: str) -> bool:
    """A parameter that is ``true`` or ``false``, and false where it is left out."""
    text = query.get(name, "false")
    if text not in {"true", "false"}:
        raise_invalid_parameter(name, "must be true or false")
    return text == "true"


def parse_choice(query: Mapping[str, str], name: str, values: tuple[str, ...]) -> str | None:
    """One of ``values``, or None where it is left out."""
    text = query.get(name)
    if text is not None and text not in values:
        raise_invalid_parameter(name, f"must be {', '.join(values[:-1])} or {values[-1]}")
    return text


def parse_text(query: Mapping[str, str], name: str, max_length: int) -> str | None:
    """A text of 1 to ``max_length`` characters, or None where it is left out."""
    value = query.get(name)
    if value is not None and not 1 <= len(value) <= max_length:
        raise_invalid_parameter(name, f"must have 1 to {max_length:,} characters")
    return value


def parse_time(query: Mapping[str, str], name: str) -> datetime | None:
    """A UTC time in the envelope's form (contract, ``_event_at``), or None."""
    value = query.get(name)
    if value is None:
        return None
    second = canonical_event_at(value)
    if second is None:
        raise_invalid_parameter(name, "must be a UTC time such as 2026-03-01T00:00:00Z")
    return datetime.fromisoformat(second)


class CursorCodec:
    """Opaque cursors for one kind of list: a position, and a check that this server made it.

    The check is no secret: a made-up position shows nothing that a real one does not, since
    every list is cut to the key's workspace. It turns mistakes into a clear error.

    A cursor goes with its ``scope``: the workspace, and more where the list is of one thing in it.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind.encode()

    def encode(self, scope: str, position: str) -> str:
        """The cursor that stands for ``position``."""
        raw = position.encode()
        return base64.urlsafe_b64encode(self._checksum(scope, raw) + raw).rstrip(b"=").decode()

    def decode(self, scope: str, query: Mapping[str, str]) -> str | None:
        """The position of the ``cursor`` parameter, or None where it is left out.

        Raises:
            WireError: ``INVALID_PARAMETER`` for one that this server did not make for this list.
        """
        cursor = query.get("cursor")
        if cursor is None:
            return None
        position = self._extract_position(cursor)
        if position is None or self.encode(scope, position) != cursor:
            raise_invalid_parameter(
                "cursor", "must be the nextCursor of an earlier page of this list"
            )
        return position

    @staticmethod
    def _extract_position(cursor: str) -> str | None:
        if len(cursor) > MAX_CURSOR_LENGTH:
            return None
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            return base64.b64decode(padded, altchars=b"-_", validate=True)[
                _CHECKSUM_BYTES:
            ].decode()
        except ValueError:
            return None

    def _checksum(self, scope: str, position: bytes) -> bytes:
        person = hashlib.blake2b(self._kind, digest_size=16).digest()
        return hashlib.blake2b(
            scope.encode() + b"\0" + position, digest_size=_CHECKSUM_BYTES, person=person
        ).digest()
