"""The limits of the wire (contract, Limits). Each can be set; these are the defaults."""

import msgspec

MAX_ERRORS_SHOWN = 20
"""Most record errors in an answer or a batch; ``totalErrorCount`` counts them all."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one request, one batch and one key."""

    body_bytes: int = 5 * 1024 * 1024
    records_per_batch: int = 1_000
    attachments_per_record: int = 10
    attachments_per_batch: int = 1_000
    attachment_bytes: int = 2 * 1024**3
    requests_per_second: float = 10.0
    burst: int = 10
    keys_per_workspace: int = 10
