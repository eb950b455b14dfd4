"""Component schemas: the wire types of the contract, and beside them our own answers.

The contract's schemas come out of the msgspec types; what a type cannot say (descriptions,
the form of a time, which of two members must be there, "no other members") is added here.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from everlake.api.openapi import examples, response_schemas
from everlake.api.openapi.descriptions import MEMBER_DESCRIPTIONS, SCHEMA_DESCRIPTIONS
from everlake.api.openapi.error_descriptions import ERROR_DESCRIPTIONS, RECORD_ERROR_DESCRIPTIONS
from everlake.api.openapi.schema_builders import (
    EVENT_AT_PATTERN,
    MAX_PAGE_SIZE,
    RECORD_ID_PATTERN,
    REF_TEMPLATE,
    SLUG_PATTERN,
    array_schema,
    enum_schema,
    next_cursor_schema,
    object_schema,
    ref,
    text_schema,
)
from everlake.contract.attachments import AttachmentPage, AttachmentStatus, Retried, TextStatus
from everlake.contract.batches import Batch, BatchPage, BatchStatus, DownloadStatus, Receipt
from everlake.contract.envelope import DEFAULT_NATURE, RECORD_TYPES, Record
from everlake.contract.errors import (
    MAX_MESSAGE_LENGTH,
    ErrorBody,
    ErrorCode,
    RecordError,
    RecordErrorCode,
)
from everlake.contract.limits import MAX_ERRORS_SHOWN, Limits
from everlake.contract.rejected_records import RefusedPage
from everlake.contract.uploads import Upload, UploadProgress, UploadRequest, UploadStatus


def component_schemas(limits: Limits) -> dict[str, Any]:
    """All component schemas by name, described down to their members."""
    schemas = _contract_schemas()
    _refine_record(schemas["Record"], limits)
    _refine_batches(schemas)
    _refine_rejected(schemas)
    _refine_attachments(schemas)
    _refine_uploads(schemas, limits)
    _refine_errors(schemas)
    schemas |= _receipt_schemas(schemas["Receipt"])
    schemas |= {
        "RecordArray": array_schema("Record", min_items=1, max_items=limits.records_per_batch),
        "RecordsWrapper": object_schema({"records": ref("RecordArray")}),
        "BatchEvent": response_schemas.batch_event_schema(),
        "Health": response_schemas.health_schema(),
    }
    schemas |= response_schemas.stored_record_schemas(schemas["Record"])
    schemas |= (
        response_schemas.search_schemas()
        | response_schemas.product_schemas()
        | response_schemas.rejection_schemas()
    )
    for name, schema in schemas.items():
        _describe(name, schema)
    return dict(sorted(schemas.items()))


def _contract_schemas() -> dict[str, Any]:
    types = (
        *(Record, Receipt, Batch, BatchPage, RefusedPage, RecordError, ErrorBody),
        *(AttachmentPage, Retried, UploadRequest, Upload, UploadProgress),
    )
    _, schemas = msgspec.json.schema_components(types, ref_template=REF_TEMPLATE)
    for schema in schemas.values():
        del schema["title"]
        if schema.get("required") == []:
            del schema["required"]
        members = schema.get("properties", {})
        if members:
            schema["additionalProperties"] = False
        for member in members.values():
            if "enum" in member:
                member["type"] = "string"
    for enum in (
        *(BatchStatus, DownloadStatus, AttachmentStatus, TextStatus, UploadStatus),
        *(ErrorCode, RecordErrorCode),
    ):
        schemas[enum.__name__] |= enum_schema(tuple(str(member) for member in enum))
    return schemas


def _refine_record(record: dict[str, Any], limits: Limits) -> None:
    members = record["properties"]
    members["_type"] |= {**enum_schema(RECORD_TYPES), "examples": ["email"]}
    members["_schema_version"]["examples"] = ["1.0.0"]
    members["_event_at"] |= {
        "pattern": EVENT_AT_PATTERN,
        "examples": ["2025-10-27T09:41:58Z", "2025-10-27T09:41:58.250Z"],
    }
    members["_vendor_ids"]["examples"] = [examples.RECORD["_vendor_ids"]]
    members["_nature"]["default"] = DEFAULT_NATURE
    members["_attachments"]["maxItems"] = limits.attachments_per_record
    members["data"] |= {"type": "object", "additionalProperties": True}
    record["anyOf"] = [{"required": ["_project_ids"]}, {"required": ["_project_id"]}]
    record["examples"] = [examples.RECORD]


def _refine_batches(schemas: dict[str, Any]) -> None:
    for name in ("Receipt", "Batch"):
        members = schemas[name]["properties"]
        for member in members.values():
            if member.get("type") == "integer":
                member["minimum"] = 0
        members["batchId"] |= {"minLength": 1, "maxLength": 128}
        members["errors"] |= {"minItems": 1, "maxItems": MAX_ERRORS_SHOWN}
    batch = schemas["Batch"]
    members = batch["properties"]
    members["createdAt"]["format"] = "int64"
    members["source"]["pattern"] = SLUG_PATTERN
    members["attachmentDownloadTotal"]["minimum"] = 1
    downloads = [name for name in members if name.startswith("attachment")]
    batch["dependentRequired"] = dict.fromkeys(downloads, downloads)
    batch["examples"] = [examples.BATCH]
    schemas["BatchPage"]["properties"]["nextCursor"] = next_cursor_schema()
    schemas["BatchPage"]["examples"] = [examples.BATCH_PAGE]


def _refine_rejected(schemas: dict[str, Any]) -> None:
    record = schemas["RefusedRecord"]
    record["properties"]["index"]["minimum"] = 0
    record["properties"]["errors"]["minItems"] = 1
    record["properties"]["payloadBase64"]["contentEncoding"] = "base64"
    schemas["RecordFault"]["properties"]["message"]["minLength"] = 1
    page = schemas["RefusedPage"]
    page["properties"]["errors"]["maxItems"] = MAX_PAGE_SIZE
    page["properties"]["nextCursor"] = next_cursor_schema()
    page["examples"] = [examples.REFUSED_PAGE]


def _refine_uploads(schemas: dict[str, Any], limits: Limits) -> None:
    request = schemas["UploadRequest"]
    request["properties"]["size"] |= {"maximum": limits.attachment_bytes, "format": "int64"}
    request["examples"] = [examples.UPLOAD_REQUEST]
    for name in ("Upload", "UploadProgress"):
        members = schemas[name]["properties"]
        for member in ("expiresAt", "size", "partSize", "receivedBytes"):
            members[member] |= {"minimum": 0, "format": "int64"}
        members["upload_intent_id"] |= text_schema(256)
    schemas["Upload"]["examples"] = [examples.UPLOAD, examples.UPLOAD_COMPLETE]
    schemas["UploadProgress"]["examples"] = [examples.UPLOAD_COMPLETE]
    for name in ("UploadTarget", "UploadPart"):
        members = schemas[name]["properties"]
        members["method"]["const"] = "PUT"
        members["url"]["format"] = "uri-reference"
    schemas["UploadPart"]["properties"]["number"]["minimum"] = 1
    schemas["UploadPart"]["properties"]["size"]["minimum"] = 1


def _refine_attachments(schemas: dict[str, Any]) -> None:
    attachment = schemas["BatchAttachment"]
    members = attachment["properties"]
    for member in members.values():
        if member.get("type") == "integer":
            member["minimum"] = 0
    for name in ("size", "statedSize", "completedAt", "nextAttemptAt"):
        members[name]["format"] = "int64"
    members["attachmentId"] |= text_schema(256)
    members["recordId"]["pattern"] = RECORD_ID_PATTERN
    members["batchId"] |= text_schema(128)
    members["sha256"]["pattern"] = "^[0-9a-f]{64}$"
    attachment["examples"] = [examples.BATCH_ATTACHMENT]
    page = schemas["AttachmentPage"]
    page["properties"]["attachments"]["maxItems"] = MAX_PAGE_SIZE
    page["properties"]["nextCursor"] = next_cursor_schema()
    page["examples"] = [examples.ATTACHMENT_PAGE]
    for member in schemas["Retried"]["properties"].values():
        member["minimum"] = 0
    schemas["Retried"]["examples"] = [examples.ATTACHMENTS_RETRIED]


def _receipt_schemas(receipt: dict[str, Any]) -> dict[str, Any]:
    """The 202 answer, which names its batch, and that of a dry run, which has none."""
    members: dict[str, Any] = dict(receipt["properties"])
    batch_id = members.pop("batchId")
    accepted = {**members["acceptedCount"], "minimum": 1}
    optional = ("errors",)
    return {
        "Receipt": {
            **object_schema(
                {"batchId": batch_id, **members, "acceptedCount": accepted}, optional=optional
            ),
            "examples": [examples.RECEIPT, examples.PARTIAL_RECEIPT],
        },
        "DryRunReceipt": object_schema(
            members, optional=optional, example=examples.DRY_RUN_RECEIPT
        ),
    }


def _refine_errors(schemas: dict[str, Any]) -> None:
    error = schemas["RecordError"]
    error["properties"]["index"]["minimum"] = 0
    error["properties"]["message"]["minLength"] = 1
    error["examples"] = [examples.RECORD_ERROR]
    members = schemas["ErrorBody"]["properties"]
    members["message"] |= {"minLength": 1, "maxLength": MAX_MESSAGE_LENGTH}
    members["retryAfter"]["minimum"] = 0
    schemas["ErrorCode"]["description"] = _markdown_list(ERROR_DESCRIPTIONS)
    schemas["RecordErrorCode"]["description"] = _markdown_list(RECORD_ERROR_DESCRIPTIONS)


def _markdown_list(meaning_of: Mapping[Any, str]) -> str:
    return "\n".join(f"- `{code}`: {meaning}." for code, meaning in meaning_of.items())


def _describe(name: str, schema: dict[str, Any]) -> None:
    schema["description"] = SCHEMA_DESCRIPTIONS.get(name) or schema["description"]
    members = schema.get("properties", {})
    for member, member_schema in members.items():
        text = MEMBER_DESCRIPTIONS.get(f"{name}.{member}") or MEMBER_DESCRIPTIONS[member]
        # A member schema may stand in several objects, so it is copied before it is described.
        members[member] = {**member_schema, "description": text}
