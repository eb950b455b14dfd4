"""The operations of the API."""

import json
from typing import Any

from everlake.api.openapi import examples
from everlake.api.openapi.attachments import attachment_paths
from everlake.api.openapi.parameters import parameter_refs
from everlake.api.openapi.responses import (
    BAD_PARAMETER_RESPONSE,
    JSON,
    KEYED_ERROR_STATUSES,
    PUBLIC_ERROR_STATUSES,
    empty_response,
    error_responses,
    event_stream_response,
    json_response,
    key_security,
    text_response,
)
from everlake.api.openapi.schema_builders import ref
from everlake.api.openapi.uploads import upload_paths
from everlake.contract.limits import Limits

NDJSON = "application/x-ndjson"
_BAD_SUBMISSION = {"400": {"$ref": "#/components/responses/BadSubmission"}}


def paths(limits: Limits) -> dict[str, Any]:
    """The path items of the document."""
    return {
        "/api/v1/ingest": {"post": _ingest(limits)},
        "/api/v1/ingest/batches": {"get": _list_batches()},
        "/api/v1/ingest/batches/{batchId}": {"get": _get_batch()},
        "/api/v1/ingest/batches/{batchId}/errors": {"get": _list_batch_errors()},
        "/api/v1/ingest/batches/{batchId}/events": {"get": _watch_batch()},
        "/api/v1/ingest/batches/{batchId}/retry": {"post": _retry_batch()},
        **upload_paths(limits),
        **attachment_paths(),
        "/api/v1/records": {"get": _list_records()},
        "/api/v1/records/{recordId}": {"get": _get_record()},
        "/api/v1/search": {"get": _search()},
        "/api/v1/products": {"get": _list_products()},
        "/api/v1/projects": {"get": _list_projects()},
        "/healthz": {"get": _health("getHealth", "Whether the process answers.")},
        "/readyz": {
            "get": _health(
                "getReadiness", "Whether database and storage can be used; 503 while they cannot."
            )
        },
        "/metrics": {"get": _metrics()},
    }


def _ingest(limits: Limits) -> dict[str, Any]:
    accepted = json_response(
        "At least one record was accepted, and the batch survives the loss of power.",
        ref("Receipt"),
        {"accepted": examples.RECEIPT, "partly accepted": examples.PARTIAL_RECEIPT},
        extra_headers=("Idempotent-Replayed",),
        links={
            "batch": {
                "operationId": "getBatch",
                "parameters": {"batchId": "$response.body#/batchId"},
                "description": "Follow the batch until it is `COMPLETE`.",
            },
            "records": {
                "operationId": "listRecords",
                "parameters": {"batch": "$response.body#/batchId"},
                "description": "The batch's records, once it is `LANDED`.",
            },
        },
    )
    dry = json_response(
        "The judgement of a dry run (`dry_run=true`); nothing was stored.",
        ref("DryRunReceipt"),
        {"dry run": examples.DRY_RUN_RECEIPT},
    )
    return {
        "operationId": "ingest",
        "tags": ["Ingest"],
        "summary": "Submit records",
        "description": (
            f"Takes 1 to {limits.records_per_batch:,} records in at most "
            f"{limits.body_bytes:,} bytes, counted after decompression: `Content-Encoding` may "
            "be `gzip` or `zstd`. All records of a request share one `_type` and one "
            "`_product_id`, and hold at most "
            f"{limits.attachments_per_batch:,} attachments together.\n\n"
            "A fault of the request as a whole is a 400, and nothing is stored. Otherwise each "
            "record is judged by itself: those that keep the rules are accepted, the others are "
            "refused and kept with all of their errors. So a record that breaks a rule does not "
            "make the answer a 400, unless no record is left."
        ),
        "security": key_security("api:write"),
        "parameters": parameter_refs("format", "dry_run", "idempotencyKey"),
        "requestBody": _submission(),
        "responses": {
            "200": dry,
            "202": accepted,
            **_BAD_SUBMISSION,
            **error_responses(*KEYED_ERROR_STATUSES, 413, 415),
        },
    }


def _submission() -> dict[str, Any]:
    two = [examples.RECORD, examples.MINIMAL_RECORD]
    lines = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in two)
    return {
        "required": True,
        "description": (
            "As `application/json`: one record, an array of records, or an object with the array "
            "in `records` and nothing else. As `application/x-ndjson`: one record a line, blank "
            "lines ignored, the last line break optional. UTF-8 in both cases."
        ),
        "content": {
            JSON: {
                "schema": {"oneOf": [ref("Record"), ref("RecordArray"), ref("RecordsWrapper")]},
                "examples": {
                    "record": {"summary": "One record", "value": examples.RECORD},
                    "array": {"summary": "An array of records", "value": two},
                    "wrapper": {"summary": "A wrapper", "value": {"records": two}},
                },
            },
            NDJSON: {
                "schema": {"type": "string", "description": "One `Record` a line."},
                "examples": {"lines": {"summary": "Two lines", "value": lines}},
            },
        },
    }


def _list_batches() -> dict[str, Any]:
    return {
        "operationId": "listBatches",
        "tags": ["Ingest"],
        "summary": "List batches",
        "description": "Newest first. Batches that come in meanwhile make no page repeat or skip.",
        "security": key_security("api:read", "api:write"),
        "parameters": parameter_refs("limit", "cursor", "status", "type", "source"),
        "responses": {
            "200": json_response(
                "A page of batches.", ref("BatchPage"), {"page": examples.BATCH_PAGE}
            ),
            **BAD_PARAMETER_RESPONSE,
            **error_responses(*KEYED_ERROR_STATUSES),
        },
    }


def _get_batch() -> dict[str, Any]:
    return {
        "operationId": "getBatch",
        "tags": ["Ingest"],
        "summary": "Get a batch",
        "description": "A batch's status and counts.",
        "security": key_security("api:read", "api:write"),
        "parameters": parameter_refs("batchId"),
        "responses": {
            "200": json_response("The batch.", ref("Batch"), {"batch": examples.BATCH}),
            **error_responses(*KEYED_ERROR_STATUSES, 404),
        },
    }


def _list_batch_errors() -> dict[str, Any]:
    page = {"page": examples.REFUSED_PAGE}
    return {
        "operationId": "listBatchErrors",
        "tags": ["Ingest"],
        "summary": "List refused records",
        "description": (
            "The batch's refused records by index, each with its payload as it was sent and all "
            "of its errors. A page ends early where it grows beyond a megabyte. A record with "
            "very many errors comes in parts, the last of which has the payload: a part without "
            "one is gone on with by the first item of the next page."
        ),
        "security": key_security("api:read", "api:write"),
        "parameters": parameter_refs("batchId", "limit", "cursor"),
        "responses": {
            "200": json_response("A page of refused records.", ref("RefusedPage"), page),
            **BAD_PARAMETER_RESPONSE,
            **error_responses(*KEYED_ERROR_STATUSES, 404),
        },
    }


def _watch_batch() -> dict[str, Any]:
    return {
        "operationId": "watchBatch",
        "tags": ["Ingest"],
        "summary": "Watch a batch",
        "description": (
            "Server-sent events (WHATWG HTML, 9.2): the batch as it is, then as it becomes with "
            "each change of its status or its counts, until it is `FAILED`, or `COMPLETE` with "
            "all of its attachments complete or failed. The "
            "event is named `batch`, and its data is a `Batch`. With `Last-Event-ID` only what "
            "came after that event is sent. A comment comes every 15 seconds. The stream ends "
            "with the batch, with its key, and when the server stops: come again with the last "
            "id then."
        ),
        "security": key_security("api:read", "api:write"),
        "parameters": parameter_refs("batchId", "lastEventId"),
        "responses": {
            "200": event_stream_response(
                "The batch's changes as they come. The schema is that of one event.",
                ref("BatchEvent"),
                {"change": examples.BATCH_EVENT},
            ),
            "204": empty_response(
                "The batch has ended, and there is nothing after `Last-Event-ID`."
            ),
            **error_responses(*KEYED_ERROR_STATUSES, 404),
        },
    }


def _retry_batch() -> dict[str, Any]:
    return {
        "operationId": "retryBatch",
        "tags": ["Ingest"],
        "summary": "Retry a batch",
        "description": (
            "Sends a `FAILED` batch on from where it was, once what made it fail is mended. A "
            "batch that is not `FAILED` is left as it is, so that the request can be made again "
            "without harm. A batch of which every record was refused has nothing to try again: "
            "that is a 400."
        ),
        "security": key_security("api:write"),
        "parameters": parameter_refs("batchId"),
        "responses": {
            "200": json_response(
                "The batch as it is now.", ref("Batch"), {"batch": examples.RETRIED_BATCH}
            ),
            "400": {"$ref": "#/components/responses/NothingToRetry"},
            **error_responses(*KEYED_ERROR_STATUSES, 404),
        },
    }


def _list_records() -> dict[str, Any]:
    return {
        "operationId": "listRecords",
        "tags": ["Records"],
        "summary": "List records",
        "description": (
            "The latest version of each record in the lake, newest arrival first; a batch's "
            "records are there once it is `LANDED`. Filters that are given together must all hold."
        ),
        "security": key_security("api:read"),
        "parameters": parameter_refs(
            "batch",
            "type",
            "source",
            "project",
            "product",
            "nature",
            "tag",
            "participant",
            "thread",
            "since",
            "until",
            "limit",
            "cursor",
        ),
        "responses": {
            "200": json_response(
                "A page of records.", ref("RecordPage"), {"page": examples.RECORD_PAGE}
            ),
            **BAD_PARAMETER_RESPONSE,
            **error_responses(*KEYED_ERROR_STATUSES),
        },
    }


def _get_record() -> dict[str, Any]:
    return {
        "operationId": "getRecord",
        "tags": ["Records"],
        "summary": "Get a record",
        "description": "The latest version of a record, and every batch that wrote it.",
        "security": key_security("api:read"),
        "parameters": parameter_refs("recordId"),
        "responses": {
            "200": json_response(
                "The record.", ref("RecordDetail"), {"record": examples.RECORD_DETAIL}
            ),
            **error_responses(*KEYED_ERROR_STATUSES, 404),
        },
    }


def _search() -> dict[str, Any]:
    return {
        "operationId": "search",
        "tags": ["Search"],
        "summary": "Search what was said",
        "description": (
            "The utterances that match best, best first, out of batches that are `COMPLETE`. "
            "Filters that are given together must all hold."
        ),
        "security": key_security("api:read"),
        "parameters": parameter_refs(
            "q", "type", "source", "project", "product", "since", "until", "limit", "cursor"
        ),
        "responses": {
            "200": json_response(
                "A page of results.", ref("SearchPage"), {"page": examples.SEARCH_PAGE}
            ),
            **BAD_PARAMETER_RESPONSE,
            **error_responses(*KEYED_ERROR_STATUSES),
        },
    }


def _list_products() -> dict[str, Any]:
    page = {"page": examples.PRODUCT_PAGE}
    return {
        "operationId": "listProducts",
        "tags": ["Products and projects"],
        "summary": "List products",
        "description": "The products of the workspace, oldest first.",
        "security": key_security("api:read"),
        "parameters": parameter_refs("limit", "cursor"),
        "responses": {
            "200": json_response("A page of products.", ref("ProductPage"), page),
            **BAD_PARAMETER_RESPONSE,
            **error_responses(*KEYED_ERROR_STATUSES),
        },
    }


def _list_projects() -> dict[str, Any]:
    page = {"page": examples.PROJECT_PAGE}
    return {
        "operationId": "listProjects",
        "tags": ["Products and projects"],
        "summary": "List projects",
        "description": "The projects of the workspace, or of one product, oldest first.",
        "security": key_security("api:read"),
        "parameters": parameter_refs("product", "limit", "cursor"),
        "responses": {
            "200": json_response("A page of projects.", ref("ProjectPage"), page),
            **BAD_PARAMETER_RESPONSE,
            **error_responses(*KEYED_ERROR_STATUSES),
        },
    }


def _health(operation_id: str, description: str) -> dict[str, Any]:
    return {
        "operationId": operation_id,
        "tags": ["Service"],
        "summary": description.partition(";")[0].rstrip("."),
        "description": description,
        "security": [],
        "responses": {
            "200": json_response("All is well.", ref("Health"), {"well": {"status": "ok"}}),
            **error_responses(*PUBLIC_ERROR_STATUSES),
        },
    }


def _metrics() -> dict[str, Any]:
    return {
        "operationId": "getMetrics",
        "tags": ["Service"],
        "summary": "Counts for Prometheus",
        "description": (
            "The counts of this machine's processes, and the queue, in the text format of "
            "Prometheus, version 0.0.4. They name no workspace and no key."
        ),
        "security": [],
        "responses": {
            "200": text_response("The counts.", examples.METRICS),
            **error_responses(*PUBLIC_ERROR_STATUSES),
        },
    }
