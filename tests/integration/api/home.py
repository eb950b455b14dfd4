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

from everlake.catalog import keys, products, projects, workspaces
from everlake.catalog.engine import Catalog
from everlake.catalog.keys import ApiKey
from tests.integration.server import Api, Server, running

BOTH = ("api:read", "api:write")
MOST_KEYS = 10


class Home:
    """A server and the catalog it works with."""

    def __init__(self, server: Server, catalog: Catalog) -> None:
        self.server = server
        self.catalog = catalog

    def workspace(self, permissions: Sequence[str] = BOTH, source: str = "api") -> Api:
        """A new workspace with a product, a project and a key."""
        with self.catalog.write() as tx:
            workspace = workspaces.create(tx, name="test")
            product = products.create(tx, workspace.id)
            project = projects.create(tx, workspace.id, product.id)
        setup = {
            "workspace_id": workspace.id,
            "product_id": product.id,
            "project_id": project.id,
        }
        return self._with_key(setup, permissions, source)

    def key(self, api: Api, permissions: Sequence[str] = BOTH, source: str = "api") -> Api:
        """One more key of the same workspace."""
        return self._with_key(api.setup, permissions, source)

    def product(self, api: Api) -> str:
        """One more product of the workspace, younger than the others."""
        _next_millisecond()
        with self.catalog.write() as tx:
            return products.create(tx, api.setup["workspace_id"]).id

    def project(self, api: Api, product_id: str | None = None) -> str:
        """One more project, younger than the others, of the first product unless told."""
        _next_millisecond()
        product_id = product_id or api.setup["product_id"]
        with self.catalog.write() as tx:
            return projects.create(tx, api.setup["workspace_id"], product_id).id

    def revoke(self, api: Api) -> None:
        """Revoke the key."""
        with self.catalog.write() as tx:
            assert keys.revoke(tx, api.setup["workspace_id"], api.setup["key_id"])

    def key_row(self, api: Api) -> ApiKey:
        """What the catalog has of the key."""
        with self.catalog.read() as tx:
            found = keys.get(tx, api.setup["workspace_id"], api.setup["key_id"])
        assert found is not None
        return found

    def _with_key(self, setup: dict[str, str], permissions: Sequence[str], source: str) -> Api:
        with self.catalog.write() as tx:
            key, secret = keys.create(
                tx,
                setup["workspace_id"],
                label="test",
                permissions=permissions,
                source=source,
                most_live=MOST_KEYS,
            )
        return Api(self.server.url, {**setup, "key_id": key.id, "api_key": secret})


def _next_millisecond() -> None:
    time.sleep(0.002)


def unique() -> str:
    """A text that no other call gives."""
    return uuid.uuid4().hex


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
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


def with_data(api: Api, data: bytes, **changes: Any) -> bytes:
    """The JSON text of a right record whose ``data`` is exactly ``data``."""
    text = json.dumps(api.record(data="@data@", **changes)).encode()
    return text.replace(b'"@data@"', data)


def as_ndjson(api: Api, body: bytes, **options: Any) -> httpx.Response:
    """POST ``body`` as NDJSON."""
    headers = {"content-type": "application/x-ndjson", **options.pop("headers", {})}
    return api.post(body, headers=headers, **options)


def stored(api: Api, batch_id: str) -> list[dict[str, Any]]:
    """The records that a batch wrote last, in the order of their arrival."""
    api.complete(batch_id)
    page = api.http.get("/api/v1/records", params={"batch": batch_id, "limit": 100})
    assert page.status_code == 200, page.text
    return page.json()["records"][::-1]


def stored_data(api: Api, batch_id: str) -> bytes:
    """The bytes of ``data`` in ``GET /api/v1/records/{recordId}`` of a batch with one record."""
    api.complete(batch_id)
    page = api.http.get("/api/v1/records", params={"batch": batch_id}).text
    (record_id,) = re.findall(r'"recordId":"([0-9a-f]{32})"', page)
    content = api.http.get(f"/api/v1/records/{record_id}").content
    return content[content.index(b'"data":') + 7 : content.index(b',"recordId":')]


@contextmanager
def home_of(role: str, data: Path, env: Mapping[str, str]) -> Generator[Home]:
    """A server of its own over an empty directory."""
    catalog = Catalog.open(f"sqlite:///{data / 'everlake.db'}")
    catalog.upgrade()
    try:
        with running(role, data, env) as server:
            yield Home(server, catalog)
    finally:
        catalog.close()
