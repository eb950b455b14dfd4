"""A running server with as many workspaces and keys as a test wants, and how to read answers."""

import json
import re
import time
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from everlake.catalog import api_keys, products, projects, workspaces
from everlake.catalog.api_keys import ApiKey
from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog
from tests.support.server import ApiClient, EverlakeServer, running_server

READ_WRITE = ("api:read", "api:write")
MAX_KEYS = 10


class ApiWorkspaces:
    """A server and the catalog it works with."""

    def __init__(self, server: EverlakeServer, catalog: Catalog) -> None:
        self.server = server
        self.catalog = catalog

    def workspace(self, permissions: Sequence[str] = READ_WRITE, source: str = "api") -> ApiClient:
        """A new workspace with a product, a project and a key."""
        with self.catalog.transaction() as tx:
            workspace = workspaces.create(tx, name="test")
            product = products.create(tx, workspace.id)
            project = projects.create(tx, workspace.id, product.id)
        setup = {
            "workspace_id": workspace.id,
            "product_id": product.id,
            "project_id": project.id,
        }
        return self._with_key(setup, permissions, source)

    def key(
        self, api: ApiClient, permissions: Sequence[str] = READ_WRITE, source: str = "api"
    ) -> ApiClient:
        """One more key of the same workspace."""
        return self._with_key(api.setup, permissions, source)

    def product(self, api: ApiClient) -> str:
        """One more product of the workspace, younger than the others."""
        _next_millisecond()
        with self.catalog.transaction() as tx:
            return products.create(tx, api.setup["workspace_id"]).id

    def project(self, api: ApiClient, product_id: str | None = None) -> str:
        """One more project, younger than the others, of the first product unless told."""
        _next_millisecond()
        product_id = product_id or api.setup["product_id"]
        with self.catalog.transaction() as tx:
            return projects.create(tx, api.setup["workspace_id"], product_id).id

    def revoke(self, api: ApiClient) -> None:
        """Revoke the key."""
        with self.catalog.transaction() as tx:
            assert api_keys.revoke(tx, api.setup["workspace_id"], api.setup["key_id"])

    def key_row(self, api: ApiClient) -> ApiKey:
        """What the catalog has of the key."""
        with self.catalog.snapshot() as tx:
            found = api_keys.get(tx, api.setup["workspace_id"], api.setup["key_id"])
        assert found is not None
        return found

    def _with_key(
        self, setup: dict[str, str], permissions: Sequence[str], source: str
    ) -> ApiClient:
        with self.catalog.transaction() as tx:
            key, secret = api_keys.create(
                tx,
                setup["workspace_id"],
                label="test",
                permissions=permissions,
                source=source,
                max_live=MAX_KEYS,
            )
        return ApiClient(self.server.url, {**setup, "key_id": key.id, "api_key": secret})


def _next_millisecond() -> None:
    time.sleep(0.002)


def unique() -> str:
    """A text that no other call gives."""
    return uuid.uuid4().hex


def assert_error(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of a refusal, once it has the form that all refusals have."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].split(";")[0] == "application/json"
    assert response.headers["x-request-id"]
    body = response.json()
    assert body["error"] == code, body
    assert set(body) <= {"error", "message", "retryAfter", "details"}
    assert re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", body["error"])
    assert 1 <= len(body["message"]) <= 2_048
    assert "Traceback" not in response.text
    assert ("retryAfter" in body) == (status == 429)
    if "details" in body:
        assert isinstance(body["details"], dict)
    if status in {429, 503}:
        assert int(response.headers["retry-after"]) >= 1
    return body


def messages(response: httpx.Response) -> list[str]:
    """The messages of an answer's record errors, of a 202, a dry run or a 400."""
    body = response.json()
    found = body.get("errors") or body.get("details", {}).get("errors", [])
    return [error["message"] for error in found]


def ndjson(*records: Any) -> bytes:
    """One a line; bytes go as they are."""
    lines = [
        record if isinstance(record, bytes) else json.dumps(record).encode() for record in records
    ]
    return b"\n".join(lines) + b"\n"


def with_data(api: ApiClient, data: bytes, **changes: Any) -> bytes:
    """The JSON text of a right record whose ``data`` is exactly ``data``."""
    text = json.dumps(api.record(data="@data@", **changes)).encode()
    return text.replace(b'"@data@"', data)


def as_ndjson(api: ApiClient, body: bytes, **options: Any) -> httpx.Response:
    """POST ``body`` as NDJSON."""
    headers = {"content-type": "application/x-ndjson", **options.pop("headers", {})}
    return api.post(body, headers=headers, **options)


def records_of(api: ApiClient, batch_id: str) -> list[dict[str, Any]]:
    """The records that a batch wrote last, in the order of their arrival."""
    api.wait_until_complete(batch_id)
    page = api.http.get("/api/v1/records", params={"batch": batch_id, "limit": 100})
    assert page.status_code == 200, page.text
    return page.json()["records"][::-1]


def data_of(api: ApiClient, batch_id: str) -> bytes:
    """The bytes of ``data`` in ``GET /api/v1/records/{recordId}`` of a batch with one record."""
    api.wait_until_complete(batch_id)
    page = api.http.get("/api/v1/records", params={"batch": batch_id}).text
    (record_id,) = re.findall(r'"recordId":"([0-9a-f]{32})"', page)
    content = api.http.get(f"/api/v1/records/{record_id}").content
    return content[content.index(b'"data":') + 7 : content.index(b',"recordId":')]


@contextmanager
def running_api(role: str, data: Path, env: Mapping[str, str]) -> Generator[ApiWorkspaces]:
    """A server of its own over an empty directory."""
    catalog = open_catalog(f"sqlite:///{data / 'everlake.db'}")
    catalog.upgrade()
    try:
        with running_server(role, data, env) as server:
            yield ApiWorkspaces(server, catalog)
    finally:
        catalog.close()
