"""Validation of what administrators give: ids, names, permissions and sources."""

import re
from collections.abc import Collection

from everlake.contract.permissions import PERMISSIONS, Permission

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def validate_id(text: str) -> str:
    """Return the id of a new workspace, product or project.

    Raises:
        ValueError: it is not 1 to 128 letters, digits and characters of ``. _ : -``.
    """
    if not _ID.fullmatch(text):
        raise ValueError(
            f"{text[:128]!r} cannot be an id: use 1 to 128 of the characters A-Z a-z 0-9 . _ : -"
        )
    return text


def validate_name(text: str) -> str:
    """Return a name or label.

    Raises:
        ValueError: it is empty, all white space, or longer than 256 characters.
    """
    if not text.strip() or len(text) > 256:
        raise ValueError("A name or label must have 1 to 256 characters")
    return text


def validate_permissions(names: Collection[str]) -> tuple[Permission, ...]:
    """Return the named permissions, each once, in the order of ``PERMISSIONS``.

    Raises:
        ValueError: there are none, or one is unknown.
    """
    given = set(names)
    if not given or not given.issubset(PERMISSIONS):
        raise ValueError("permissions must be one or more of " + ", ".join(PERMISSIONS))
    return tuple(permission for permission in PERMISSIONS if permission in given)


def validate_source(text: str) -> str:
    """Return a key's source, which becomes the ``source`` of its batches.

    Raises:
        ValueError: it is no slug.
    """
    if not _SOURCE.fullmatch(text):
        raise ValueError(
            f"{text[:64]!r} cannot be a source: use 1 to 64 of the characters a-z 0-9 _ -, "
            "beginning with a letter or a digit"
        )
    return text
