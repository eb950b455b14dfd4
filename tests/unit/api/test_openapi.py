import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from hypothesis import example, given
from hypothesis import strategies as st
from litestar.response.sse import ServerSentEventMessage
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from everlake.api.openapi import build_document, encoded_document
from everlake.api.openapi.error_descriptions import ERROR_DESCRIPTIONS, RECORD_ERROR_DESCRIPTIONS
from everlake.api.openapi.examples import (
    BATCH_EVENT,
    ERROR_MESSAGES,
    MEMBER_EXAMPLES,
    MINIMAL_RECORD,
    RECORD,
    RESPONSE_EXAMPLES,
    SCHEMA_EXAMPLES,
)
from everlake.api.openapi.operation_descriptions import OPERATIONS as OPERATION_TEXTS
from everlake.api.openapi.operation_descriptions import PARAMETERS
from everlake.api.openapi.schema_descriptions import MEMBER_DESCRIPTIONS, SCHEMA_DESCRIPTIONS
from everlake.client.server_sent_events import read_events
from everlake.contract.batches import Batch, BatchStatus
from everlake.contract.endpoints import ENDPOINTS
from everlake.contract.envelope import RECORD_TYPES, Record, canonical_event_at
from everlake.contract.errors import ErrorCode, RecordErrorCode, status_of
from everlake.contract.limits import Limits
from everlake.contract.rejected_records import RecordFault, RejectedPage, RejectedRecord
from everlake.contract.types import EVENT_AT_PATTERN, WHOLE_SECOND_PATTERN

DOCUMENT: dict[str, Any] = build_document(Limits(), version="1.2.3")
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
JSON = "application/json"
EVENT_AT_VALIDATOR = jsonschema_rs.Draft202012Validator({"pattern": EVENT_AT_PATTERN})
WHOLE_SECOND_VALIDATOR = jsonschema_rs.Draft202012Validator({"pattern": WHOLE_SECOND_PATTERN})


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def validator(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def is_valid(name: str, value: object) -> bool:
    return validator({"$ref": f"#/components/schemas/{name}"}).is_valid(value)


def record(**members: object) -> dict[str, Any]:
    return {**MINIMAL_RECORD, **members}


def nodes(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield place, node
        for name, child in node.items():
            yield from nodes(child, f"{place}/{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from nodes(child, f"{place}/{index}")


def test_the_document_is_valid_openapi_3_1() -> None:
    errors = list(OPENAPI_31_VALIDATOR.iter_errors(json.loads(json.dumps(DOCUMENT))))
    assert [f"{error.instance_path}: {error.message}" for error in errors] == []


def test_every_schema_is_a_valid_json_schema() -> None:
    for name, schema in SCHEMAS.items():
        assert jsonschema_rs.meta.is_valid(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        ), name


def test_schemathesis_reads_every_operation() -> None:
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(DOCUMENT)))
    labels: set[str] = set()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        labels.add(result.ok().label)
    assert labels == set(OPERATIONS)


def test_every_reference_leads_somewhere() -> None:
    references = [node["$ref"] for _, node in nodes(DOCUMENT) if "$ref" in node]
    assert references
    for reference in references:
        assert resolved({"$ref": reference}), reference


def test_every_component_is_used() -> None:
    text = json.dumps(DOCUMENT)
    for kind in ("schemas", "parameters", "headers", "responses"):
        for name in DOCUMENT["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, f"{kind}/{name}"


def test_every_schema_and_every_member_is_described() -> None:
    for name, schema in SCHEMAS.items():
        assert schema["description"], name
        for member, member_schema in schema.get("properties", {}).items():
            assert member_schema["description"], f"{name}.{member}"


def test_every_object_says_whether_it_takes_other_members() -> None:
    open_objects = {
        name
        for name, schema in SCHEMAS.items()
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False
    }
    assert open_objects == {"Health"}


def test_every_example_of_a_schema_is_valid() -> None:
    for place, node in nodes(SCHEMAS):
        if isinstance(node.get("examples"), list):
            for value in node["examples"]:
                validator(node).validate(value)
        assert "example" not in node or "/examples/" in place, place


def media_type_of(label: str, status: str) -> str:
    others = {"/events": "text/event-stream", "/metrics": "text/plain", "/content": "*/*"}
    kind = next((each for end, each in others.items() if label.endswith(end)), JSON)
    return kind if status in {"200", "206"} else JSON


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_example_of_an_answer_is_valid(label: str) -> None:
    for status, reference in OPERATIONS[label]["responses"].items():
        response = resolved(reference)
        if status in {"204", "304"}:
            assert "content" not in response
            continue
        [(media_type, content)] = response["content"].items()
        assert media_type == media_type_of(label, status)
        assert content["examples"], status
        for each in content["examples"].values():
            validator(content["schema"]).validate(each["value"])
        for header in response["headers"].values():
            value = resolved(header)
            if "example" in value:
                validator(value["schema"]).validate(value["example"])


def test_every_example_of_a_body_is_valid_and_decodes() -> None:
    content = OPERATIONS["POST /api/v1/ingest"]["requestBody"]["content"]
    for each in content["application/json"]["examples"].values():
        validator(content["application/json"]["schema"]).validate(each["value"])
    lines = content["application/x-ndjson"]["examples"]["lines"]["value"].splitlines()
    for line in [*lines, json.dumps(RECORD), json.dumps(MINIMAL_RECORD)]:
        msgspec.json.decode(line, type=Record)
        assert is_valid("Record", json.loads(line))


def test_every_error_code_has_a_meaning_and_an_example() -> None:
    assert set(ERROR_DESCRIPTIONS) == set(ErrorCode)
    assert set(ERROR_MESSAGES) == set(ErrorCode)
    assert set(RECORD_ERROR_DESCRIPTIONS) == set(RecordErrorCode)


def test_every_status_lists_its_codes() -> None:
    ingest = OPERATIONS["POST /api/v1/ingest"]["responses"]
    content = OPERATIONS["GET /api/v1/attachments/{attachmentId}/content"]["responses"]
    shared = {**ingest, "404": content["404"], "416": content["416"]}
    for code in ErrorCode:
        content = resolved(shared[str(status_of(code))])["content"]["application/json"]
        body: dict[str, Any] = content["examples"][code]["value"]
        assert validator(content["schema"]).is_valid(body)
        assert not validator(content["schema"]).is_valid({**body, "error": "SOMETHING_ELSE"})
        assert not validator(content["schema"]).is_valid({**body, "trace": "..."})


_CAN_BE_WRONG = ("/errors", "{batchId}/retry", "{batchId}/attachments")


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_has_a_request_id_and_its_statuses(label: str) -> None:
    operation = OPERATIONS[label]
    keyed = operation.get("security") != []
    expected = {"200", "405", "500", "503"} | ({"401", "403", "429"} if keyed else set())
    expected |= {"404"} if "{" in label else set()
    expected |= {"400"} if keyed and ("{" not in label or label.endswith(_CAN_BE_WRONG)) else set()
    expected |= {"204"} if label.endswith("/events") else set()
    expected |= {"202", "413", "415"} if label == "POST /api/v1/ingest" else set()
    expected |= {"206", "304", "416"} if label.endswith("/content") else set()
    expected |= {"400", "413", "415"} if label.startswith("PUT ") else set()
    if label == "POST /api/v1/uploads":
        expected = (expected - {"200"}) | {"201", "413", "415"}
    assert set(operation["responses"]) == expected
    for status, reference in operation["responses"].items():
        headers = set(resolved(reference)["headers"])
        assert "X-Request-Id" in headers
        assert ("Retry-After" in headers) == (status in {"429", "503"})
        assert ("Allow" in headers) == (status == "405")
        assert ("WWW-Authenticate" in headers) == (status == "401")
        assert ("Idempotent-Replayed" in headers) == (status == "202")
        assert ("Content-Range" in headers) == (status in {"206", "416"})


@pytest.mark.parametrize(
    ("label", "permissions"),
    [
        ("POST /api/v1/ingest", {"api:write"}),
        ("GET /api/v1/ingest/batches", {"api:read", "api:write"}),
        ("GET /api/v1/ingest/batches/{batchId}", {"api:read", "api:write"}),
        ("GET /api/v1/ingest/batches/{batchId}/errors", {"api:read", "api:write"}),
        ("GET /api/v1/ingest/batches/{batchId}/events", {"api:read", "api:write"}),
        ("POST /api/v1/ingest/batches/{batchId}/retry", {"api:write"}),
        ("GET /api/v1/ingest/batches/{batchId}/attachments", {"api:read", "api:write"}),
        ("POST /api/v1/ingest/batches/{batchId}/attachments/retry", {"api:write"}),
        ("GET /api/v1/attachments/{attachmentId}", {"api:read"}),
        ("GET /api/v1/attachments/{attachmentId}/content", {"api:read"}),
        ("POST /api/v1/uploads", {"api:write"}),
        ("GET /api/v1/uploads/{uploadId}", {"api:write"}),
        ("PUT /api/v1/uploads/{uploadId}", {"api:write"}),
        ("PUT /api/v1/uploads/{uploadId}/parts/{partNumber}", {"api:write"}),
        ("GET /api/v1/records", {"api:read"}),
        ("GET /api/v1/records/{recordId}", {"api:read"}),
        ("GET /api/v1/search", {"api:read"}),
        ("GET /api/v1/products", {"api:read"}),
        ("GET /api/v1/projects", {"api:read"}),
        ("GET /healthz", set[str]()),
        ("GET /readyz", set[str]()),
        ("GET /metrics", set[str]()),
    ],
)
def test_an_operation_takes_either_header_and_names_its_permission(
    label: str, permissions: set[str]
) -> None:
    security = OPERATIONS[label]["security"]
    assert {(scheme, *named) for each in security for scheme, named in each.items()} == {
        (scheme, permission) for permission in permissions for scheme in ("apiKey", "bearer")
    }


def test_limits_in_force_are_in_the_document() -> None:
    limits = Limits(records_per_batch=7, body_bytes=4_321, attachments_per_record=3, burst=55)
    document = build_document(limits, version="9")
    schemas = document["components"]["schemas"]
    assert schemas["RecordArray"]["maxItems"] == 7
    assert schemas["Record"]["properties"]["_attachments"]["maxItems"] == 3
    assert "4,321 bytes" in document["paths"]["/api/v1/ingest"]["post"]["description"]
    assert "bursts of 55" in document["info"]["description"]
    assert document["info"]["version"] == "9"


def test_building_twice_gives_equal_and_separate_documents() -> None:
    first, second = build_document(Limits(), version="1"), build_document(Limits(), version="1")
    assert first == second
    first["components"]["schemas"]["Record"]["properties"].clear()
    assert second == build_document(Limits(), version="1")


def test_the_document_as_json_is_built_once() -> None:
    encoded = encoded_document(Limits(), version="1.2.3")
    assert json.loads(encoded) == DOCUMENT
    assert encoded is encoded_document(Limits(), version="1.2.3")


def test_every_endpoint_of_the_contract_is_an_operation() -> None:
    assert {f"{each.method} {each.path}": each.id for each in ENDPOINTS} == {
        label: operation["operationId"] for label, operation in OPERATIONS.items()
    }
    assert len({each.id for each in ENDPOINTS}) == len(ENDPOINTS)


def test_no_text_is_left_over() -> None:
    ids = {each.id for each in ENDPOINTS}
    assert set(OPERATION_TEXTS) == ids
    assert set(PARAMETERS) == set(DOCUMENT["components"]["parameters"])
    for endpoint in ENDPOINTS:
        assert set(OPERATION_TEXTS[endpoint.id].responses) == set(endpoint.responses)
    assert {operation for operation, _ in RESPONSE_EXAMPLES} <= ids
    assert set(SCHEMA_EXAMPLES) <= set(SCHEMAS)
    assert set(SCHEMA_DESCRIPTIONS) <= set(SCHEMAS)
    members = {
        name
        for schema, content in SCHEMAS.items()
        for member in content.get("properties", {})
        for name in (member, f"{schema}.{member}")
    }
    assert set(MEMBER_DESCRIPTIONS) <= members
    assert set(MEMBER_EXAMPLES) <= members


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_minimal_record_of_each_type_is_valid(record_type: str) -> None:
    assert is_valid("Record", record(_type=record_type))


@pytest.mark.parametrize(
    "members",
    [
        {"_type": "fax"},
        {"_schema_version": "1.0"},
        {"_event_at": "2025-02-29T00:00:00Z"},
        {"_event_at": "2025-10-27T09:41:58+00:00"},
        {"_vendor_ids": {}},
        {"_vendor_ids": {"id": 1}},
        {"_project_ids": []},
        {"_nature": None},
        {"data": []},
        {"_tags": ["x" * 65]},
        {"_participants": [{"id": "1"}]},
        {"_participants": [{"id": "1", "role": "external", "email": "nobody"}]},
        {"_attachments": [{"type": "file"}] * 11},
        {"_attachments": [{"type": "file", "vendor_url": "ftp://files.example/a"}]},
        {"_pii": {"sensitive_score": 1.1}},
        {"subject": "outside of data"},
    ],
)
def test_a_record_that_breaks_a_rule_is_invalid(members: dict[str, Any]) -> None:
    assert not is_valid("Record", record(**members))


def test_a_record_needs_one_spelling_of_its_projects_and_may_have_both() -> None:
    without = {name: value for name, value in MINIMAL_RECORD.items() if name != "_project_ids"}
    assert not is_valid("Record", without)
    assert is_valid("Record", {**without, "_project_id": "proj_reporting"})
    assert is_valid("Record", record(_project_id="proj_reporting"))


@given(
    st.one_of(
        st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds") + "Z"),
        st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z"),
        st.from_regex(
            r"\A[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,4})?Z\Z"
        ),
        st.builds("{:04}-02-29T00:00:00Z".format, st.integers(0, 9_999)),
        st.builds("2023-{:02}-{:02}T23:59:59.9Z".format, st.integers(0, 13), st.integers(0, 32)),
    )
)
@example("0000-01-01T00:00:00Z")
@example("0000-02-29T00:00:00Z")
@example("1900-02-29T00:00:00Z")
@example("2000-02-29T00:00:00Z")
@example("2016-12-31T23:59:60Z")
@example("2025-10-27T24:00:00Z")
@example("2025-10-27t09:41:58z")
@example("2025-10-27T09:41:58.Z")
@example("2025-10-27T09:41:58")
@example("٢٠٢٥-10-27T09:41:58Z")
def test_the_pattern_of_event_at_and_the_contract_agree(text: str) -> None:
    canonical = canonical_event_at(text)
    assert EVENT_AT_VALIDATOR.is_valid(text) == (canonical is not None)
    assert canonical is None or WHOLE_SECOND_VALIDATOR.is_valid(canonical)


def test_a_batch_as_encoded_is_valid() -> None:
    batch = Batch("0198c5a2", BatchStatus.LANDING, 1, 2, 0, 0, source="api", type="email")
    assert is_valid("Batch", msgspec.to_builtins(batch))
    assert not is_valid("Batch", {**msgspec.to_builtins(batch), "attachmentDownloadTotal": 3})
    assert not is_valid("Batch", {**msgspec.to_builtins(batch), "extra": 1})


def test_a_page_of_refused_records_as_encoded_is_valid() -> None:
    faults = [RecordFault(RecordErrorCode.INVALID_JSON, "The text is empty.")]
    page = RejectedPage(
        [
            RejectedRecord(index=0, errors=faults),
            RejectedRecord(index=0, errors=faults, payload=""),
            RejectedRecord(index=1, errors=faults, payloadBase64="/w=="),
        ],
        "cursor",
    )
    assert is_valid("RejectedPage", msgspec.to_builtins(page))


def test_an_event_as_it_is_read_off_a_stream_is_valid() -> None:
    message = ServerSentEventMessage(**BATCH_EVENT)
    [event] = read_events([message.encode()])
    assert msgspec.to_builtins(event) == BATCH_EVENT
    assert is_valid("BatchEvent", msgspec.to_builtins(event))
    assert is_valid("Batch", json.loads(event.data))


def test_a_receipt_names_a_batch_and_that_of_a_dry_run_does_not() -> None:
    counts = {"acceptedCount": 1, "rejectedCount": 0, "totalErrorCount": 0}
    assert is_valid("Receipt", {"batchId": "b", **counts})
    assert not is_valid("Receipt", counts)
    assert is_valid("DryRunReceipt", counts)
    assert not is_valid("DryRunReceipt", {"batchId": "b", **counts})
    assert not is_valid("DryRunReceipt", {**counts, "errors": []})
