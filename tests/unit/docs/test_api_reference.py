import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from everlake.api.openapi import build_document
from everlake.contract.batches import BatchStatus, DownloadStatus
from everlake.contract.envelope import RECORD_TYPES, Record
from everlake.contract.errors import HTTP_STATUSES, ErrorCode, RecordErrorCode
from everlake.contract.limits import Limits
from everlake.contract.permissions import PERMISSIONS
from everlake.contract.uploads import UploadStatus

REFERENCE = (Path(__file__).parents[3] / "docs" / "reference" / "api.md").read_text("utf-8")
DOCUMENT: dict[str, Any] = build_document(Limits(), version="1")
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
HEADINGS = re.findall(r"^#+ (.+)$", REFERENCE, re.MULTILINE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", REFERENCE, re.MULTILINE | re.DOTALL)


def section(heading: str) -> str:
    found = re.search(
        rf"^### {re.escape(heading)}$(.*?)(?=^##|\Z)", REFERENCE, re.MULTILINE | re.DOTALL
    )
    assert found is not None, heading
    return found[1]


def parameter_names(operation: dict[str, Any]) -> list[str]:
    parameters = DOCUMENT["components"]["parameters"]
    references = operation.get("parameters", [])
    found = [parameters[each["$ref"].rpartition("/")[2]] for each in references]
    return [each["name"] for each in found if each["in"] != "path"]


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_operation_has_its_heading_and_names_its_parameters(label: str) -> None:
    text = section(label)
    for name in parameter_names(OPERATIONS[label]):
        assert f"`{name}`" in text, name


def test_no_heading_names_an_operation_that_is_not_there() -> None:
    labels = {heading for heading in HEADINGS if re.match(r"[A-Z]+ /", heading)}
    assert labels == set(OPERATIONS)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_code_is_in_the_table_with_its_status(code: ErrorCode) -> None:
    assert f"| {HTTP_STATUSES.get(code, 400)} | `{code}` |" in REFERENCE


@pytest.mark.parametrize("code", RecordErrorCode)
def test_every_record_error_code_is_in_its_table(code: RecordErrorCode) -> None:
    assert f"| `{code}` |" in section("Record errors")


def test_every_member_and_every_value_of_the_contract_is_named() -> None:
    members = [
        member
        for schema in DOCUMENT["components"]["schemas"].values()
        for member in schema.get("properties", {})
    ]
    api_permissions = [name for name in PERMISSIONS if name.startswith("api:")]
    for name in [
        *members,
        *RECORD_TYPES,
        *BatchStatus,
        *DownloadStatus,
        *UploadStatus,
        *api_permissions,
    ]:
        assert re.search(rf"[`\"{{ ]{re.escape(name)}[`\",}}]", REFERENCE), name


def test_limits_are_the_defaults() -> None:
    limits = Limits()
    rate = f"{limits.requests_per_second:g}, in bursts of {limits.burst}"
    for row in (
        f"| body, after decompression | {limits.body_bytes:,} bytes (5 MiB) |",
        f"| records a request | {limits.records_per_batch:,} |",
        f"| attachments a record | {limits.attachments_per_record:,} |",
        f"| attachments a batch | {limits.attachments_per_batch:,} |",
        f"| size of an attachment | {limits.attachment_bytes // 1024**3} GiB |",
        f"| requests a second a key | {rate} |",
        f"| live keys a workspace | {limits.keys_per_workspace} |",
    ):
        assert row in REFERENCE


def test_every_json_block_is_an_answer_that_the_description_allows() -> None:
    answers = [
        "Receipt",
        "BatchPage",
        "RejectedPage",
        "AttachmentPage",
        "Retried",
        "Upload",
        "UploadProgress",
        "RecordDetail",
        "SearchPage",
        "ProductPage",
        "ProjectPage",
        "ErrorBody",
    ]
    for name, block in zip(answers, blocks("json"), strict=True):
        schema = {
            "$ref": f"#/components/schemas/{name}",
            "components": DOCUMENT["components"],
        }
        jsonschema_rs.Draft202012Validator(schema).validate(json.loads(block))


def test_every_record_in_a_command_decodes() -> None:
    bodies = re.findall(r"-d '(.*?)'", "".join(blocks("sh")), re.DOTALL)
    assert bodies
    for body in bodies:
        msgspec.json.decode(body, type=Record)


def test_every_command_asks_for_a_path_that_is_there() -> None:
    asked = re.findall(r'"\$EVERLAKE_URL(/[^"?]*)', "".join(blocks("sh")))
    known = [re.sub(r"\{\w+\}", "[^/]+", path) for path in DOCUMENT["paths"]]
    assert asked
    for path in asked:
        assert any(re.fullmatch(pattern, path) for pattern in known), path


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    anchors = {
        re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in HEADINGS
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", REFERENCE)) <= anchors
