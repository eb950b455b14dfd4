"""Records as they are read back."""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from everlake.contract.envelope import (
    Attachments,
    Nature,
    Participants,
    Pii,
    ProjectIds,
    SchemaVersion,
    Tags,
    Text128,
    Text512,
    VendorIds,
)
from everlake.contract.limits import MAX_PAGE_SIZE
from everlake.contract.types import (
    WHOLE_SECOND_PATTERN,
    BatchId,
    NextCursor,
    Number64,
    RecordId,
    RecordTypeText,
    Slug,
)

StoredEventAt: TypeAlias = Annotated[
    str, Meta(extra_json_schema={"maxLength": 20, "pattern": WHOLE_SECOND_PATTERN})
]
Data: TypeAlias = Annotated[
    Raw, Meta(extra_json_schema={"type": "object", "additionalProperties": True})
]


class StoredRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stored record: the normalised envelope, ``data`` byte for byte, and its origin.

    ``ingestedAt`` is in Unix milliseconds.
    """

    type: RecordTypeText = msgspec.field(name="_type")
    schema_version: SchemaVersion = msgspec.field(name="_schema_version")
    event_at: StoredEventAt = msgspec.field(name="_event_at")
    vendor_ids: VendorIds = msgspec.field(name="_vendor_ids")
    product_id: Text128 = msgspec.field(name="_product_id")
    project_ids: ProjectIds = msgspec.field(name="_project_ids")
    nature: Nature | UnsetType = msgspec.field(name="_nature", default=UNSET)
    thread_id: Text512 | UnsetType = msgspec.field(name="_thread_id", default=UNSET)
    participants: Participants | UnsetType = msgspec.field(name="_participants", default=UNSET)
    attachments: Attachments | UnsetType = msgspec.field(name="_attachments", default=UNSET)
    tags: Tags | UnsetType = msgspec.field(name="_tags", default=UNSET)
    pii: Pii | UnsetType = msgspec.field(name="_pii", default=UNSET)
    data: Data
    record_id: RecordId = msgspec.field(name="recordId")
    version: Number64
    batch_id: BatchId = msgspec.field(name="batchId")
    source: Slug
    ingested_at: Number64 = msgspec.field(name="ingestedAt")


class RecordDetail(StoredRecord, frozen=True, kw_only=True, omit_defaults=True):
    """A stored record and the batches that wrote it, oldest first."""

    batch_ids: Annotated[list[BatchId], Meta(extra_json_schema={"minItems": 1})] = msgspec.field(
        name="batchIds"
    )


class RecordPage(msgspec.Struct, frozen=True, rename="camel"):
    """One page of records; ``nextCursor`` is null on the last."""

    records: Annotated[list[StoredRecord], Meta(extra_json_schema={"maxItems": MAX_PAGE_SIZE})]
    next_cursor: NextCursor
