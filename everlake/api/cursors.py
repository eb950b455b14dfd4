"""Page cursors."""

import base64
import hashlib
from typing import NoReturn

from everlake.api.query import raise_invalid_parameter
from everlake.contract.limits import MAX_CURSOR_LENGTH

_CHECKSUM_BYTES = 8


class CursorCodec:
    """Opaque cursors of one kind of list: a position, and a checksum that this server made it.

    The checksum uses no secret. A forged position reveals nothing that a real one does not, since
    every list is restricted to the key's workspace; the checksum turns mistakes into a clear
    error.

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
        """Return the position of a cursor; None for None.

        Raises:
            WireError: ``INVALID_PARAMETER`` if this server did not make the cursor for this list.
        """
        if cursor is None:
            return None
        position = _position_of(cursor)
        if position is None or self.encode(scope, position) != cursor:
            raise_invalid_cursor()
        return position

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
        return base64.b64decode(padded, altchars=b"-_", validate=True)[_CHECKSUM_BYTES:].decode()
    except ValueError:
        return None
