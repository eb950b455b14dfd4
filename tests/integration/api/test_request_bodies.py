"""Contract, POST /api/v1/ingest, Body and Query: what a submission may look like."""

import json
from typing import Any

import httpx
import pytest

from tests.support.api_workspaces import as_ndjson, assert_error, ndjson
from tests.support.server import ApiClient


def counts(response: httpx.Response) -> tuple[int, int, int]:
    assert response.status_code == 202, response.text
    body = response.json()
    return body["acceptedCount"], body["rejectedCount"], body["totalErrorCount"]


def test_one_record_object_is_a_batch(api: ApiClient) -> None:
    assert counts(api.post(api.record())) == (1, 0, 0)


def test_an_array_of_records_is_a_batch(api: ApiClient) -> None:
    assert counts(api.post([api.record(), api.record()])) == (2, 0, 0)


def test_a_wrapper_of_records_is_a_batch(api: ApiClient) -> None:
    assert counts(api.post({"records": [api.record(), api.record()]})) == (2, 0, 0)


def test_white_space_around_a_body_does_not_matter(api: ApiClient) -> None:
    for body in (api.record(), [api.record()], {"records": [api.record()]}):
        text = json.dumps(body, indent=2).encode()
        assert counts(api.post(b" \r\n\t" + text + b"\n\n")) == (1, 0, 0)


def test_one_record_a_line_is_a_batch(api: ApiClient) -> None:
    assert counts(as_ndjson(api, ndjson(api.record(), api.record()))) == (2, 0, 0)


def test_blank_lines_are_ignored_and_the_last_line_break_is_optional(api: ApiClient) -> None:
    line = json.dumps(api.record()).encode()
    for body in (line, line + b"\n", b"\n\n" + line + b"\n \t\n\r\n" + line + b"\r\n\r\n"):
        assert counts(as_ndjson(api, body))[1:] == (0, 0)


def test_a_blank_line_does_not_count_in_the_index(api: ApiClient) -> None:
    body = b"\n\n" + ndjson(api.record(), b"\n{", api.record())
    answer = as_ndjson(api, body)
    assert counts(answer) == (2, 1, 1)
    assert answer.json()["errors"][0]["index"] == 1


def test_an_ndjson_line_that_is_not_json_is_a_fault_of_that_record(api: ApiClient) -> None:
    answer = as_ndjson(api, ndjson(api.record(), b'{"_type":', b"hello", api.record()))
    assert counts(answer) == (2, 2, 2)
    assert [(e["index"], e["code"]) for e in answer.json()["errors"]] == [
        (1, "INVALID_JSON"),
        (2, "INVALID_JSON"),
    ]


def test_an_ndjson_line_that_is_json_but_no_object_is_a_fault_of_that_record(
    api: ApiClient,
) -> None:
    answer = as_ndjson(api, ndjson(b"[]", b"1", b'"x"', b"null", api.record()))
    assert counts(answer) == (1, 4, 4)
    assert {e["code"] for e in answer.json()["errors"]} == {"VALIDATION_ERROR"}


def test_an_item_of_an_array_that_is_no_object_is_a_fault_of_that_record(api: ApiClient) -> None:
    answer = api.post([[], 1, "x", None, api.record()])
    assert counts(answer) == (1, 4, 4)
    assert {e["code"] for e in answer.json()["errors"]} == {"VALIDATION_ERROR"}


def test_ndjson_may_hold_only_lines_of_records_and_no_wrapper(api: ApiClient) -> None:
    answer = as_ndjson(api, ndjson({"records": [api.record()]}))
    assert_error(answer, 400, "ALL_RECORDS_REJECTED")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "application/json; profile=x; charset=utf-8",
    ],
)
def test_json_may_come_with_a_charset_parameter(api: ApiClient, content_type: str) -> None:
    answer = api.post(api.record(), headers={"content-type": content_type})
    assert counts(answer) == (1, 0, 0)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/jsonx",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/x-ndjson; charset=latin-1",
    ],
)
def test_any_other_content_type_or_charset_is_unsupported(
    api: ApiClient, content_type: str
) -> None:
    answer = api.post(api.record(), headers={"content-type": content_type})
    assert_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_body_without_a_content_type_is_unsupported(api: ApiClient) -> None:
    answer = api.http.post("/api/v1/ingest", content=json.dumps(api.record()).encode())
    assert_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n ",
        b"{",
        b"hello",
        b"{}{}",
        b"[{},]",
        b"{'a': 1}",
        b'{"a": NaN}',
        b"[Infinity]",
        b'{"a": 01}',
        b'{"a": "\t"}',
        b'{"a": "\\x"}',
        b'[1] // "x"',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        "{}".encode("utf-32-le"),
        b'{"a": "\xff"}',
        b'{"a": "\xc0\x80"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\\ud800"}',
    ],
)
def test_a_body_that_is_not_json_in_utf8_is_refused_as_a_whole(api: ApiClient, body: bytes) -> None:
    assert_error(api.post(body), 400, "INVALID_JSON")


@pytest.mark.parametrize("body", [1, "x", None, True, 1.5])
def test_a_body_that_is_neither_record_nor_array_nor_wrapper_is_refused(
    api: ApiClient, body: object
) -> None:
    assert_error(api.post(body), 400, "INVALID_BODY")


@pytest.mark.parametrize("records", [None, 1, "x", {}, {"0": {}}])
def test_the_records_of_a_wrapper_are_an_array(api: ApiClient, records: object) -> None:
    assert_error(api.post({"records": records}), 400, "INVALID_BODY")


@pytest.mark.parametrize("extra", [{"x": 1}, {"_type": "email"}, {"Records": []}])
def test_a_wrapper_has_no_other_member(api: ApiClient, extra: dict[str, Any]) -> None:
    assert_error(api.post({"records": [api.record()], **extra}), 400, "INVALID_BODY")
    assert_error(api.post({**extra, "records": [api.record()]}), 400, "INVALID_BODY")


def test_a_body_without_records_is_an_empty_batch(api: ApiClient) -> None:
    assert_error(api.post([]), 400, "EMPTY_BATCH")
    assert_error(api.post({"records": []}), 400, "EMPTY_BATCH")
    assert_error(as_ndjson(api, b""), 400, "EMPTY_BATCH")
    assert_error(as_ndjson(api, b"\n \n\r\n"), 400, "EMPTY_BATCH")


def test_an_empty_object_is_a_record_in_which_everything_is_missing(api: ApiClient) -> None:
    body = assert_error(api.post({}), 400, "ALL_RECORDS_REJECTED")
    assert body["details"]["totalErrorCount"] == 7


@pytest.mark.parametrize("hint", ["text", "audio", "video", "file"])
def test_a_format_hint_is_accepted(api: ApiClient, hint: str) -> None:
    assert counts(api.post(api.record(), params={"format": hint})) == (1, 0, 0)


@pytest.mark.parametrize("hint", ["", "TEXT", "image", "text,audio"])
def test_any_other_format_is_an_invalid_parameter(api: ApiClient, hint: str) -> None:
    answer = api.post(api.record(), params={"format": hint})
    assert "format" in assert_error(answer, 400, "INVALID_PARAMETER")["message"]


@pytest.mark.parametrize("value", ["", "1", "yes", "True"])
def test_a_dry_run_is_true_or_false(api: ApiClient, value: str) -> None:
    answer = api.post(api.record(), params={"dry_run": value})
    assert "dry_run" in assert_error(answer, 400, "INVALID_PARAMETER")["message"]
    assert counts(api.post(api.record(), params={"dry_run": "false"})) == (1, 0, 0)
