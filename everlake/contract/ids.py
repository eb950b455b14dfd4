"""Identifiers that Everlake makes."""

import secrets

import uuid_utils

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

KEY_PREFIX = "em_sk_"
UPLOAD_PREFIX = "upl_"


def new_batch_id(at_ms: int | None = None) -> str:
    """A UUIDv7 (RFC 9562): its text order is its time order.

    Args:
        at_ms: Unix milliseconds on a clock that is not this machine's. Ids of one millisecond
            are then in no order; else they are in that in which this process made them.
    """
    if at_ms is None:
        return str(uuid_utils.uuid7())
    return str(uuid_utils.uuid7(nanoseconds=at_ms * 1_000_000))


def batch_id_time(batch_id: str) -> int:
    """Unix milliseconds at which :func:`new_batch_id` made ``batch_id``."""
    return int(batch_id.replace("-", "")[:12], 16)


def first_id_at(at_ms: int) -> str:
    """A text before every id that was made at ``at_ms`` or later, and after every earlier one."""
    digits = f"{at_ms:012x}"
    return f"{digits[:8]}-{digits[8:]}"


def new_id(prefix: str) -> str:
    """A short random id with a readable prefix: ``prod_4f7k…`` (80 random bits)."""
    return prefix + "_" + "".join(secrets.choice(_ALPHABET) for _ in range(16))


def new_secret() -> str:
    """A fresh API key: ``em_sk_`` and 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def new_upload_id() -> str:
    """A fresh upload's id: ``upl_`` and 192 random bits, which nobody guesses."""
    return UPLOAD_PREFIX + secrets.token_urlsafe(24)
