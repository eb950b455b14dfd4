"""Records in files for ``everlake send``, and the records that a server has afterwards."""

import json
import os
from collections.abc import Mapping
from typing import Any

import httpx

from tests.support.command_line import Cli, assert_success
from tests.support.server import PRODUCT, PROJECT

WorkspaceIds = Mapping[str, str]


def record(name: str, text: str = "hello", **changes: Any) -> dict[str, Any]:
    return {
        "_type": "message",
        "_schema_version": "1.0.0",
        "_event_at": "2026-03-01T10:00:00Z",
        "_vendor_ids": {"id": name},
        "_product_id": PRODUCT,
        "_project_ids": [PROJECT],
        "data": {"text": text},
        **changes,
    }


def as_indented(*records: Any) -> bytes:
    return json.dumps(list(records), indent=2).encode()


def stored(cli: Cli, batch_id: str) -> Any:
    """Return a batch as ``everlake batches show`` prints it."""
    return assert_success(cli("batches", "show", batch_id, "--json")).json()


def get_json_text(path: str, **params: str) -> str:
    """Return a response of the server that the environment names."""
    answer = httpx.get(
        os.environ["EVERLAKE_URL"] + path,
        params=params,
        headers={"x-api-key": os.environ["EVERLAKE_API_KEY"]},
        timeout=60,
        trust_env=False,
    )
    return answer.raise_for_status().text


def records_of(batch_id: str) -> list[dict[str, Any]]:
    """Return the records whose current version is from a batch, which is ``COMPLETE``."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = json.loads(get_json_text("/api/v1/records", batch=batch_id, limit="100", **more))
        found += page["records"]
        cursor = page["nextCursor"]
    return found


def texts_of(batch_id: str) -> list[str]:
    return [row["data"]["text"] for row in records_of(batch_id)]
