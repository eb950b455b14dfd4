"""Schemas of our own answers, which the contract has no types for."""

from typing import Any

from everlake.api.openapi import examples
from everlake.api.openapi.schema_builders import (
    RECORD_ID_PATTERN,
    SLUG_PATTERN,
    WHOLE_SECOND_PATTERN,
    array_schema,
    count_schema,
    enum_schema,
    int64_schema,
    object_schema,
    page_schema,
    ref,
    text_schema,
)
from everlake.contract.envelope import RECORD_TYPES
from everlake.contract.errors import MAX_MESSAGE_LENGTH, ErrorCode
from everlake.contract.limits import MAX_ERRORS_SHOWN


def stored_record_schemas(record: dict[str, Any]) -> dict[str, Any]:
    """A record as it is read back: the normalised envelope, ``data``, and what Everlake adds.

    Args:
        record: the schema of a submitted record.
    """
    envelope = {name: dict(schema) for name, schema in record["properties"].items()}
    del envelope["_project_id"]
    envelope["_event_at"] |= {
        "pattern": WHOLE_SECOND_PATTERN,
        "maxLength": 20,
        "examples": [examples.RECORD["_event_at"]],
    }
    # The limit and the default of today need not be those that an old record came in under.
    envelope["_attachments"].pop("maxItems", None)
    envelope["_nature"].pop("default", None)
    optional = tuple(
        name for name in envelope if name not in record["required"] and name != "_project_ids"
    )
    members = envelope | _record_reference() | {"ingestedAt": int64_schema()}
    batch_ids = {"type": "array", "items": text_schema(128), "minItems": 1}
    return {
        "StoredRecord": object_schema(members, optional=optional, example=examples.STORED_RECORD),
        "RecordDetail": object_schema(
            members | {"batchIds": batch_ids}, optional=optional, example=examples.RECORD_DETAIL
        ),
        "RecordPage": page_schema("records", "StoredRecord", example=examples.RECORD_PAGE),
    }


def search_schemas() -> dict[str, Any]:
    """A search result and a page of them."""
    span = {"type": "array", "items": count_schema(), "minItems": 2, "maxItems": 2}
    result = object_schema(
        {
            **_record_reference(),
            "type": enum_schema(RECORD_TYPES),
            "eventAt": {"type": "string", "pattern": WHOLE_SECOND_PATTERN},
            "score": {"type": "number"},
            "speaker": {"type": "string"},
            "role": {"type": "string"},
            "saidAt": {"type": "string"},
            "ordinal": count_schema(),
            "text": {"type": "string"},
            "passage": {"type": "string"},
            "highlights": {"type": "array", "items": span},
            "attachment": ref("SearchAttachment"),
        },
        optional=("speaker", "role", "saidAt", "attachment"),
        example=examples.SEARCH_RESULT,
    )
    return {
        "SearchResult": result,
        "SearchAttachment": object_schema(
            {"attachmentId": text_schema(128), "filename": {"type": "string"}}
        ),
        "SearchPage": page_schema("results", "SearchResult", example=examples.SEARCH_PAGE),
    }


def product_schemas() -> dict[str, Any]:
    """Products and projects, and pages of them."""
    named = {"name": {"type": "string"}, "createdAt": int64_schema()}
    return {
        "Product": object_schema({"id": text_schema(128), **named}),
        "ProductPage": page_schema("products", "Product", example=examples.PRODUCT_PAGE),
        "Project": object_schema({"id": text_schema(128), "productId": text_schema(128), **named}),
        "ProjectPage": page_schema("projects", "Project", example=examples.PROJECT_PAGE),
    }


def batch_event_schema() -> dict[str, Any]:
    """One server-sent event, field by field."""
    data = {"contentMediaType": "application/json", "contentSchema": ref("Batch")}
    return object_schema(
        {
            "id": text_schema(64),
            "event": {"type": "string", "const": "batch"},
            "data": {"type": "string", **data},
        },
        example=examples.BATCH_EVENT,
    )


def rejection_schemas() -> dict[str, Any]:
    """The error body of a batch without one accepted record, and its details."""
    code = str(ErrorCode.ALL_RECORDS_REJECTED)
    return {
        "AllRecordsRejected": object_schema(
            {
                "error": {"type": "string", "const": code},
                "message": text_schema(MAX_MESSAGE_LENGTH),
                "details": ref("RejectedBatch"),
            },
            example=examples.error_body(code),
        ),
        "RejectedBatch": object_schema(
            {
                "batchId": text_schema(128),
                "rejectedCount": count_schema(1),
                "totalErrorCount": count_schema(1),
                "errors": array_schema("RecordError", min_items=1, max_items=MAX_ERRORS_SHOWN),
            }
        ),
    }


def health_schema() -> dict[str, Any]:
    """The answer of a service that is well; it may say more than that."""
    return {
        "type": "object",
        "properties": {"status": {"type": "string", "const": "ok"}},
        "required": ["status"],
        "examples": [{"status": "ok"}],
    }


def _record_reference() -> dict[str, Any]:
    return {
        "recordId": {"type": "string", "pattern": RECORD_ID_PATTERN},
        "version": int64_schema(),
        "batchId": text_schema(128),
        "source": {"type": "string", "pattern": SLUG_PATTERN},
    }
