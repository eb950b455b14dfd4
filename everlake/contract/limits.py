"""Limits of the wire (contract, Limits).

The limits of :class:`Limits` can be configured, and its defaults are those of the contract. The
constants are fixed.
"""

import msgspec

MAX_ERRORS_SHOWN = 20
"""Record errors in a response or a batch at most; ``totalErrorCount`` counts all of them."""
MAX_ERRORS_PER_RECORD = 1_000
"""Errors of a record at most; the last one says that there are more."""
DEFAULT_PAGE_SIZE = 20
"""Items of a page unless ``limit`` is given."""
MAX_PAGE_SIZE = 100
"""Items of a page at most."""
MAX_CURSOR_LENGTH = 256
"""Characters of a cursor at most."""
MAX_QUERY_LENGTH = 1_000
"""Characters of a search query at most."""
MAX_ID_LENGTH = 128
"""Characters of the id of a batch, product, project or attachment at most."""
MAX_UPLOAD_ID_LENGTH = 256
"""Characters of an ``upload_intent_id`` at most."""
MAX_SOURCE_LENGTH = 64
"""Characters of the source of a key at most."""
MAX_IDEMPOTENCY_KEY_LENGTH = 256
"""Characters of an ``Idempotency-Key`` at most."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Configurable bounds of a request, a batch, a workspace and a key. Sizes are in bytes."""

    body_bytes: int = 5 * 1024 * 1024
    records_per_batch: int = 1_000
    attachments_per_record: int = 10
    attachments_per_batch: int = 1_000
    attachment_bytes: int = 2 * 1024**3
    requests_per_second: float = 10.0
    burst: int = 10
    keys_per_workspace: int = 10
