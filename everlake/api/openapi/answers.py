"""Schemas of our own answers, which the contract has no types for."""

from typing import Any

from everlake.api.openapi import examples
from everlake.api.openapi.vocabulary import (
    RECORD_ID,
    SLUG,
    WHOLE_SECOND,
    array_of,
    big_integer,
    count,
    object_of,
    one_of,
    page_of,
    ref,
    text,
)
from everlake.contract.envelope import RECORD_TYPES
from everlake.contract.errors import MAX_MESSAGE, ErrorCode
from everlake.contract.limits import ERRORS_SHOWN


def stored_records(record: dict[str, Any]) -> dict[str, Any]:
    """A record as it is read back: the normalised envelope, ``data``, and what Everlake adds.

    Args:
        record: the schema of a submitted record.
    """
    envelope = {name: dict(schema) for name, schema in record["properties"].items()}
    del envelope["_project_id"]
    envelope["_event_at"] |= {
        "pattern": WHOLE_SECOND,
        "maxLength": 20,
        "examples": [examples.RECORD["_event_at"]],
    }
    # The limit and the default of today need not be those that an old record came in under.
    envelope["_attachments"].pop("maxItems", None)
    envelope["_nature"].pop("default", None)
    optional = tuple(
        name for name in envelope if name not in record["required"] and name != "_project_ids"
    )
    members = envelope | _whereabouts() | {"ingestedAt": big_integer()}
    batch_ids = {"type": "array", "items": text(128), "minItems": 1}
    return {
        "StoredRecord": object_of(members, optional=optional, example=examples.STORED_RECORD),
        "RecordDetail": object_of(
            members | {"batchIds": batch_ids}, optional=optional, example=examples.RECORD_DETAIL
        ),
        "RecordPage": page_of("records", "StoredRecord", example=examples.RECORD_PAGE),
    }


def search_answers() -> dict[str, Any]:
    """A search result and a page of them."""
    span = {"type": "array", "items": count(), "minItems": 2, "maxItems": 2}
    result = object_of(
        {
            **_whereabouts(),
            "type": one_of(RECORD_TYPES),
            "eventAt": {"type": "string", "pattern": WHOLE_SECOND},
            "score": {"type": "number"},
            "speaker": {"type": "string"},
            "role": {"type": "string"},
            "saidAt": {"type": "string"},
            "ordinal": count(),
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
        "SearchAttachment": object_of({"attachmentId": text(128), "filename": {"type": "string"}}),
        "SearchPage": page_of("results", "SearchResult", example=examples.SEARCH_PAGE),
    }


def catalog_answers() -> dict[str, Any]:
    """Products and projects, and pages of them."""
    named = {"name": {"type": "string"}, "createdAt": big_integer()}
    return {
        "Product": object_of({"id": text(128), **named}),
        "ProductPage": page_of("products", "Product", example=examples.PRODUCT_PAGE),
        "Project": object_of({"id": text(128), "productId": text(128), **named}),
        "ProjectPage": page_of("projects", "Project", example=examples.PROJECT_PAGE),
    }


def batch_event() -> dict[str, Any]:
    """One server-sent event, field by field."""
    data = {"contentMediaType": "application/json", "contentSchema": ref("Batch")}
    return object_of(
        {
            "id": text(64),
            "event": {"type": "string", "const": "batch"},
            "data": {"type": "string", **data},
        },
        example=examples.BATCH_EVENT,
    )


def refusals() -> dict[str, Any]:
    """The error body of a batch without one accepted record, and its details."""
    code = str(ErrorCode.ALL_RECORDS_REJECTED)
    return {
        "AllRecordsRejected": object_of(
            {
                "error": {"type": "string", "const": code},
                "message": text(MAX_MESSAGE),
                "details": ref("RejectedBatch"),
            },
            example=examples.error(code),
        ),
        "RejectedBatch": object_of(
            {
                "batchId": text(128),
                "rejectedCount": count(1),
                "totalErrorCount": count(1),
                "errors": array_of("RecordError", least=1, most=ERRORS_SHOWN),
            }
        ),
    }


def health() -> dict[str, Any]:
    """The answer of a service that is well; it may say more than that."""
    return {
        "type": "object",
        "properties": {"status": {"type": "string", "const": "ok"}},
        "required": ["status"],
        "examples": [{"status": "ok"}],
    }


def _whereabouts() -> dict[str, Any]:
    return {
        "recordId": {"type": "string", "pattern": RECORD_ID},
        "version": big_integer(),
        "batchId": text(128),
        "source": {"type": "string", "pattern": SLUG},
    }
