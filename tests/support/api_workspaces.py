"""A running server with workspaces and keys for tests, and checks of its responses."""

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
from tests.support.catalogs import migrated_catalog
from tests.support.server import ApiClient, EverlakeServer, running_server

READ_WRITE = ("api:read", "api:write")
MAX_KEYS = 10


class ApiWorkspaces:
    """A running server, and its catalog for creating workspaces and keys."""

    def __init__(self, server: EverlakeServer, catalog: Catalog) -> None:
        self.server = server
        self.catalog = catalog

    def workspace(self, permissions: Sequence[str] = READ_WRITE, source: str = "api") -> ApiClient:
        """Create a workspace with a product, a project and a key; return a client with the key."""
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
        """Create another key of the same workspace; return a client with it."""
        return self._with_key(api.setup, permissions, source)

    def product(self, api: ApiClient) -> str:
        """Create a product that is newer than the others; return its id."""
        _next_millisecond()
        with self.catalog.transaction() as tx:
            return products.create(tx, api.setup["workspace_id"]).id

    def project(self, api: ApiClient, product_id: str | None = None) -> str:
        """Create a project that is newer than the others; return its id."""
        _next_millisecond()
        product_id = product_id or api.setup["product_id"]
        with self.catalog.transaction() as tx:
            return projects.create(tx, api.setup["workspace_id"], product_id).id

    def revoke(self, api: ApiClient) -> None:
        """Revoke the client's key."""
        with self.catalog.transaction() as tx:
            assert api_keys.revoke(tx, api.setup["workspace_id"], api.setup["key_id"])

    def key_row(self, api: ApiClient) -> ApiKey:
        """Return the client's key from the catalog."""
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
    """Return a unique text."""
    return uuid.uuid4().hex


def assert_error(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check the form of an error response; return its body."""
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
    """Return the messages of the record errors in a 202, the 200 of a dry run, or a 400."""
    body = response.json()
    found = body.get("errors") or body.get("details", {}).get("errors", [])
    return [error["message"] for error in found]


def ndjson(*records: Any) -> bytes:
    """Return records as NDJSON; bytes are lines already."""
    lines = [
        record if isinstance(record, bytes) else json.dumps(record).encode() for record in records
    ]
    return b"\n".join(lines) + b"\n"


def with_data(api: ApiClient, data: bytes, **changes: Any) -> bytes:
    """Return a valid record as JSON text whose ``data`` is exactly these bytes."""
    text = json.dumps(api.record(data="@data@", **changes)).encode()
    return text.replace(b'"@data@"', data)


def as_ndjson(api: ApiClient, body: bytes, **options: Any) -> httpx.Response:
    """POST ``body`` as NDJSON."""
    headers = {"content-type": "application/x-ndjson", **options.pop("headers", {})}
    return api.post(body, headers=headers, **options)


def records_of(api: ApiClient, batch_id: str) -> list[dict[str, Any]]:
    """Return the records whose current version is from the batch, in order of arrival."""
    api.wait_until_complete(batch_id)
    page = api.http.get("/api/v1/records", params={"batch": batch_id, "limit": 100})
    assert page.status_code == 200, page.text
    return page.json()["records"][::-1]


def data_of(api: ApiClient, batch_id: str) -> bytes:
    """Return the bytes of ``data`` that the API sends for the only record of a batch."""
    api.wait_until_complete(batch_id)
    page = api.http.get("/api/v1/records", params={"batch": batch_id}).text
    (record_id,) = re.findall(r'"recordId":"([0-9a-f]{32})"', page)
    content = api.http.get(f"/api/v1/records/{record_id}").content
    return content[content.index(b'"data":') + 7 : content.index(b',"recordId":')]


@contextmanager
def running_api(role: str, data: Path, env: Mapping[str, str]) -> Generator[ApiWorkspaces]:
    """Run a server on an empty data directory."""
    catalog = migrated_catalog(f"sqlite:///{data / 'everlake.db'}")
    try:
        with running_server(role, data, env) as server:
            yield ApiWorkspaces(server, catalog)
    finally:
        catalog.close()
