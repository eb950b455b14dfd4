"""Identifiers and secrets that Everlake creates."""

import secrets

import uuid_utils

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

KEY_PREFIX = "em_sk_"
UPLOAD_PREFIX = "upl_"


def new_batch_id(at_ms: int | None = None) -> str:
    """Return a new batch id: a UUIDv7 (RFC 9562), whose text order is its time order.

    Args:
        at_ms: Unix milliseconds of another clock than this machine's. Without it, ids created by
            one process sort in the order of their creation; with it, ids of one millisecond
            sort in no particular order.
    """
    if at_ms is None:
        return str(uuid_utils.uuid7())
    return str(uuid_utils.uuid7(nanoseconds=at_ms * 1_000_000))


def batch_id_time(batch_id: str) -> int:
    """Return the Unix milliseconds at which :func:`new_batch_id` created ``batch_id``."""
    return int(batch_id.replace("-", "")[:12], 16)


def first_id_at(at_ms: int) -> str:
    """Return a text that separates batch ids created before ``at_ms`` from later ones, in order."""
    digits = f"{at_ms:012x}"
    return f"{digits[:8]}-{digits[8:]}"


def new_id(prefix: str) -> str:
    """Return a random id with a readable prefix, such as ``prod_4f7k…`` (80 random bits)."""
    return prefix + "_" + "".join(secrets.choice(_ALPHABET) for _ in range(16))


def new_secret() -> str:
    """Return a new API key: ``em_sk_`` and 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def new_upload_id() -> str:
    """Return a new upload id: ``upl_`` and 192 random bits, so that it cannot be guessed."""
    return UPLOAD_PREFIX + secrets.token_urlsafe(24)
