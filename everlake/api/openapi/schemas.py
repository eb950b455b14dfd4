"""Component schemas: the types of the contract, with descriptions and examples.

The schemas are generated from the msgspec types. Stated here is only what a type cannot say:
limits that are known at run time, and relations between members.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from everlake.api.openapi.error_descriptions import ERROR_DESCRIPTIONS, RECORD_ERROR_DESCRIPTIONS
from everlake.api.openapi.examples import MEMBER_EXAMPLES, SCHEMA_EXAMPLES
from everlake.api.openapi.schema_descriptions import MEMBER_DESCRIPTIONS, SCHEMA_DESCRIPTIONS
from everlake.contract.attachments import AttachmentStatus, TextStatus
from everlake.contract.batches import AllRecordsRejected, BatchStatus, DownloadStatus
from everlake.contract.endpoints import ENDPOINTS
from everlake.contract.envelope import DEFAULT_NATURE, Record
from everlake.contract.errors import ErrorBody, ErrorCode, RecordErrorCode
from everlake.contract.limits import Limits
from everlake.contract.uploads import UploadStatus

_REF_TEMPLATE = "#/components/schemas/{name}"
_ENUMS: tuple[type[StrEnum], ...] = (
    *(BatchStatus, DownloadStatus, AttachmentStatus, TextStatus, UploadStatus),
    *(ErrorCode, RecordErrorCode),
)
_OPEN_SCHEMAS = ("Health",)
"""Objects that may have other members too."""


def ref(name: str) -> dict[str, Any]:
    """Return a reference to the component schema ``name``."""
    return {"$ref": _REF_TEMPLATE.format(name=name)}


def component_schemas(limits: Limits) -> dict[str, Any]:
    """Return all component schemas by name, described down to their members.

    Args:
        limits: the limits in force.
    """
    schemas = _generated_schemas()
    _complete_record(schemas["Record"], limits)
    schemas["UploadRequest"]["properties"]["size"]["maximum"] = limits.attachment_bytes
    batch = schemas["Batch"]
    downloads = [name for name in batch["properties"] if name.startswith("attachmentDownload")]
    batch["dependentRequired"] = dict.fromkeys(downloads, downloads)
    schemas |= _receipt_schemas(schemas["Receipt"])
    schemas |= _submission_schemas(limits)
    schemas["BatchEvent"] = _event_schema()
    schemas["ErrorCode"]["description"] = _markdown_list(ERROR_DESCRIPTIONS)
    schemas["RecordErrorCode"]["description"] = _markdown_list(RECORD_ERROR_DESCRIPTIONS)
    for name, schema in schemas.items():
        _describe(name, schema)
    return dict(sorted(schemas.items()))


def _generated_schemas() -> dict[str, Any]:
    types: list[Any] = [Record, ErrorBody, AllRecordsRejected]
    for endpoint in ENDPOINTS:
        types += [kind for kind in (endpoint.body, *endpoint.responses.values()) if kind]
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF_TEMPLATE)
    for name, schema in schemas.items():
        _normalize(schema)
        if "properties" in schema and name not in _OPEN_SCHEMAS:
            schema["additionalProperties"] = False
    for enum in _ENUMS:
        schemas[enum.__name__]["enum"] = [member.value for member in enum]
    return schemas


def _normalize(schema: dict[str, Any]) -> None:
    """Bring a schema that msgspec made into the form that code generators understand best."""
    schema.pop("title", None)
    if schema.get("required") == []:
        del schema["required"]
    if "enum" in schema:
        schema["type"] = "string"
    if "prefixItems" in schema:
        # The pairs of the contract have items of one kind.
        schema["items"] = schema.pop("prefixItems")[0]
    if "anyOf" in schema:
        # A type or null, which is the only union of the contract.
        given, _ = schema.pop("anyOf")
        schema |= {**given, "type": [given["type"], "null"]}
    parts: list[dict[str, Any]] = [*schema.get("properties", {}).values()]
    parts += [schema["items"]] if "items" in schema else []
    for part in parts:
        _normalize(part)


def _complete_record(record: dict[str, Any], limits: Limits) -> None:
    members = record["properties"]
    members["_nature"]["default"] = DEFAULT_NATURE
    members["_attachments"]["maxItems"] = limits.attachments_per_record
    members["data"] |= {"type": "object", "additionalProperties": True}
    record["anyOf"] = [{"required": ["_project_ids"]}, {"required": ["_project_id"]}]


def _receipt_schemas(receipt: dict[str, Any]) -> dict[str, Any]:
    """Return the receipt of a batch, which names it, and that of a dry run, which has none."""
    counts = {name: member for name, member in receipt["properties"].items() if name != "batchId"}
    accepted = {**counts["acceptedCount"], "minimum": 1}
    of_batch = {"batchId": receipt["properties"]["batchId"], **counts, "acceptedCount": accepted}
    return {
        "Receipt": _object_schema(of_batch, optional=("errors",)),
        "DryRunReceipt": _object_schema(counts, optional=("errors",)),
    }


def _submission_schemas(limits: Limits) -> dict[str, Any]:
    return {
        "RecordArray": {
            "type": "array",
            "items": ref("Record"),
            "minItems": 1,
            "maxItems": limits.records_per_batch,
        },
        "RecordsWrapper": _object_schema({"records": ref("RecordArray")}),
    }


def _event_schema() -> dict[str, Any]:
    """Return the schema of one server-sent event, field by field."""
    content = {"contentMediaType": "application/json", "contentSchema": ref("Batch")}
    return _object_schema(
        {
            "id": {"type": "string", "minLength": 1, "maxLength": 64},
            "event": {"type": "string", "const": "batch"},
            "data": {"type": "string", **content},
        }
    )


def _object_schema(members: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": members,
        "required": [name for name in members if name not in optional],
        "additionalProperties": False,
    }


def _markdown_list(meaning_of: Mapping[Any, str]) -> str:
    return "\n".join(f"- `{code}`: {meaning}." for code, meaning in meaning_of.items())


def _describe(name: str, schema: dict[str, Any]) -> None:
    """Add the descriptions and examples of a schema and of its members."""
    schema["description"] = SCHEMA_DESCRIPTIONS.get(name) or schema["description"]
    if name in SCHEMA_EXAMPLES:
        schema["examples"] = SCHEMA_EXAMPLES[name]
    members = schema.get("properties", {})
    for member, member_schema in members.items():
        text = MEMBER_DESCRIPTIONS.get(f"{name}.{member}") or MEMBER_DESCRIPTIONS[member]
        # A member schema may be part of several objects, so it is copied before it is described.
        members[member] = {**member_schema, "description": text}
        examples = MEMBER_EXAMPLES.get(f"{name}.{member}") or MEMBER_EXAMPLES.get(member)
        if examples is not None:
            members[member]["examples"] = examples
