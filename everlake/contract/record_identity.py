"""Which record is the same record, and which of two versions wins (contract, Identity)."""

import hashlib
from collections.abc import Mapping

import msgspec

LINE_BITS = 20
"""Bits of a version that number the record within its batch: up to 1,048,576 records."""

_encode = msgspec.json.Encoder(order="sorted").encode


def record_id(record_type: str, vendor_ids: Mapping[str, str], event_at: str) -> str:
    """The record's id within its workspace: 32 hexadecimal digits.

    128-bit BLAKE2b over the canonical form of (``_type``, ``_vendor_ids`` with its members
    sorted, ``_event_at`` to the second). All three are as normalised.
    """
    canonical = _encode((record_type, vendor_ids, event_at))
    return hashlib.blake2b(canonical, digest_size=16).hexdigest()


def record_version(sequence: int, line: int) -> int:
    """A number that grows with arrival: the batch's sequence in its workspace, then the line.

    Args:
        sequence: the batch's number in its workspace, from 1, in the order of the 202s.
        line: the record's line in the landing object, from 0; it grows with the record's index.
    """
    return sequence << LINE_BITS | line


def sequence_of(version: int) -> int:
    """The sequence of the batch that wrote ``version``."""
    return version >> LINE_BITS
