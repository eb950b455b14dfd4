"""Search results."""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from everlake.contract.limits import MAX_PAGE_SIZE
from everlake.contract.types import (
    AttachmentId,
    BatchId,
    Count,
    NextCursor,
    Number64,
    RecordId,
    RecordTypeText,
    Slug,
    WholeSecond,
)

Highlight: TypeAlias = tuple[Count, Count]


class SearchAttachment(msgspec.Struct, frozen=True, rename="camel"):
    """The attachment whose text an utterance is from."""

    attachment_id: AttachmentId
    filename: str


class SearchResult(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One utterance that matches a query, and the record that it is from.

    ``highlights`` are [start, end) offsets in ``passage``, in characters (code points).
    """

    record_id: RecordId
    version: Number64
    batch_id: BatchId
    type: RecordTypeText
    source: Slug
    event_at: WholeSecond
    score: float
    ordinal: Count
    text: str
    passage: str
    highlights: list[Highlight]
    speaker: str | UnsetType = UNSET
    role: str | UnsetType = UNSET
    said_at: str | UnsetType = UNSET
    attachment: SearchAttachment | UnsetType = UNSET


class SearchPage(msgspec.Struct, frozen=True, rename="camel"):
    """One page of results, best first; ``nextCursor`` is null on the last."""

    results: Annotated[list[SearchResult], Meta(extra_json_schema={"maxItems": MAX_PAGE_SIZE})]
    next_cursor: NextCursor
