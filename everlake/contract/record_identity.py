"""Identity and version of a record (contract, Identity).

Of the versions of one record, the one with the highest version number is current.
"""

import hashlib
from collections.abc import Mapping

import msgspec

LINE_BITS = 20
"""Bits of a version that hold the record's line: at most 1,048,576 records in a batch."""

_encode = msgspec.json.Encoder(order="sorted").encode


def record_id(record_type: str, vendor_ids: Mapping[str, str], event_at: str) -> str:
    """Return a record's id within its workspace: 32 hexadecimal digits.

    It is the 128-bit BLAKE2b hash of the canonical JSON of (``_type``, ``_vendor_ids`` with its
    members sorted, ``_event_at`` to the second), all three normalised.
    """
    canonical = _encode((record_type, vendor_ids, event_at))
    return hashlib.blake2b(canonical, digest_size=16).hexdigest()


def record_version(sequence: int, line: int) -> int:
    """Return a record's version: the batch's sequence number, then the line. It grows with arrival.

    Args:
        sequence: the batch's number in its workspace, from 1, in the order of the 202 responses.
        line: the record's line in the landing object, from 0.
    """
    return sequence << LINE_BITS | line


def sequence_of(version: int) -> int:
    """Return the sequence number of the batch that wrote ``version``."""
    return version >> LINE_BITS
