"""Contract, Limits: all are configurable. This server has limits of its own."""

import gzip
import json
from typing import Any

from tests.support.api_workspaces import ApiWorkspaces, as_ndjson, assert_error, messages, ndjson
from tests.support.server import ApiClient


def file(count: int) -> list[dict[str, Any]]:
    return [{"type": "file"}] * count


def padded(api: ApiClient, size: int) -> bytes:
    body = json.dumps(api.record()).encode()
    return body + b" " * (size - len(body))


def test_the_size_of_a_body_can_be_set(strict: ApiWorkspaces) -> None:
    api = strict.workspace()
    for encode, name in ((bytes, "identity"), (gzip.compress, "gzip")):
        headers = {"content-encoding": name}
        api.accept(encode(padded(api, 10_000)), headers=headers)
        answer = api.post(encode(padded(api, 10_001)), headers=headers)
        assert "10,000" in assert_error(answer, 413, "PAYLOAD_TOO_LARGE")["message"]


def test_the_number_of_records_can_be_set(strict: ApiWorkspaces) -> None:
    api = strict.workspace()
    api.accept([api.record()] * 3)
    body = assert_error(api.post([api.record()] * 4), 400, "TOO_MANY_RECORDS")
    assert "4" in body["message"]
    assert_error(as_ndjson(api, ndjson(*[api.record()] * 4)), 400, "TOO_MANY_RECORDS")


def test_the_numbers_of_attachments_can_be_set(strict: ApiWorkspaces) -> None:
    api = strict.workspace()
    records = [api.record(_attachments=file(count)) for count in (1, 2, 1)]
    answer = api.post(records)
    assert answer.json()["acceptedCount"] == 2
    assert messages(answer) == ["_attachments: must hold at most 1, has 2"]
    answer = api.post([api.record(_attachments=file(1))] * 3)
    assert answer.json()["acceptedCount"] == 2
    assert [error["index"] for error in answer.json()["errors"]] == [2]


def test_the_description_tells_the_limits_that_are_in_force(strict: ApiWorkspaces) -> None:
    document = strict.workspace().http.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert schemas["RecordArray"]["maxItems"] == 3
    assert schemas["Record"]["properties"]["_attachments"]["maxItems"] == 1
    assert "10,000 bytes" in document["paths"]["/api/v1/ingest"]["post"]["description"]
