"""Page cursors."""

import base64
import hashlib
import re
from typing import NoReturn

from everlake.api.query import raise_invalid_parameter
from everlake.contract.limits import MAX_CURSOR_LENGTH

_CHECKSUM_BYTES = 8
_NUMBER = re.compile(r"[0-9]{1,18}")


class CursorCodec:
    """Opaque cursors of one kind of list: a position, and a checksum that this server made it.

    The checksum uses no secret: it turns mistakes into a clear error. A forged position reveals
    nothing that a real one does not, since every list is restricted to the key's workspace, but it
    may be any text, so that a list has to check it.

    A cursor is valid within its ``scope``: the workspace, and more for a list within one resource.

    Args:
        kind: the name of the list, such as ``batches``.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind.encode()

    def encode(self, scope: str, position: str) -> str:
        """Return the cursor of ``position``."""
        raw = position.encode()
        return base64.urlsafe_b64encode(self._checksum(scope, raw) + raw).rstrip(b"=").decode()

    def decode(self, scope: str, cursor: str | None) -> str | None:
        """Return the position of a cursor; None for None, or an empty one: the first page.

        Raises:
            WireError: ``INVALID_PARAMETER`` if this server did not make the cursor for this list.
        """
        if not cursor:
            return None
        position = _position_of(cursor)
        if position is None or self.encode(scope, position) != cursor:
            raise_invalid_cursor()
        return position

    def decode_numbers(self, scope: str, cursor: str | None, count: int) -> tuple[int, ...] | None:
        """Return a position that consists of numbers with dots between them, as :meth:`decode`.

        Raises:
            WireError: ``INVALID_PARAMETER`` if this server did not make the cursor for this list.
        """
        position = self.decode(scope, cursor)
        if position is None:
            return None
        parts = position.split(".")
        if len(parts) != count or not all(_NUMBER.fullmatch(part) for part in parts):
            raise_invalid_cursor()
        return tuple(map(int, parts))

    def _checksum(self, scope: str, position: bytes) -> bytes:
        person = hashlib.blake2b(self._kind, digest_size=16).digest()
        return hashlib.blake2b(
            scope.encode() + b"\0" + position, digest_size=_CHECKSUM_BYTES, person=person
        ).digest()


def raise_invalid_cursor() -> NoReturn:
    """Reject a cursor that this server did not make for this list.

    Raises:
        WireError: ``INVALID_PARAMETER``.
    """
    raise_invalid_parameter("cursor", "must be the nextCursor of an earlier page of this list")


def _position_of(cursor: str) -> str | None:
    """Return the position in a cursor, whose checksum is not verified; None for other text."""
    if len(cursor) > MAX_CURSOR_LENGTH:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)[_CHECKSUM_BYTES:]
        position = raw.decode()
    except ValueError:
        return None
    # PostgreSQL has no text with a NUL character.
    return None if "\0" in position else position
