"""Fixture and helpers for tests of uploads."""

import hashlib
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from everlake.attachments.paths import content_path, uploads_folder
from everlake.attachments.uploads.content import read_content
from everlake.catalog import attachments, uploads
from everlake.catalog.attachments import NewAttachment
from everlake.catalog.table_definitions import attachments as attachment_table
from everlake.catalog.table_definitions import uploads as upload_table
from everlake.storage import ObjectStore
from tests.support.api_workspaces import ApiWorkspaces
from tests.support.server import ApiClient

PART = 5 * 1024 * 1024
"""Size of a part: the smallest that can be configured."""


class UploadFixture(NamedTuple):
    """API server, its object store, and whether upload targets are URLs of the bucket."""

    home: ApiWorkspaces
    store: ObjectStore
    direct: bool


def announce(api: ApiClient, size: int, **members: Any) -> dict[str, Any]:
    """Create an upload, and return the response."""
    response = api.http.post("/api/v1/uploads", json={"size": size, **members})
    assert response.status_code == 201, response.text
    return response.json()


def send_content(api: ApiClient, target: Mapping[str, Any], content: bytes) -> httpx.Response:
    """Send content to an upload target; the API key is sent only to the API."""
    url: str = target["url"]
    if url.startswith("/"):
        return api.http.request(target["method"], url, content=content, headers=target["headers"])
    return httpx.request(
        target["method"],
        url,
        content=content,
        headers=target["headers"],
        trust_env=False,
        timeout=60,
    )


def get_upload(api: ApiClient, upload: Mapping[str, Any]) -> dict[str, Any]:
    """Return an upload as the API shows it."""
    response = api.http.get(f"/api/v1/uploads/{upload['upload_intent_id']}")
    assert response.status_code == 200, response.text
    return response.json()


def content_of(place: UploadFixture, api: ApiClient, upload: Mapping[str, Any]) -> bytes:
    """Return the content of a complete upload, as a worker reads it."""
    with place.home.catalog.snapshot() as tx:
        row = uploads.get(tx, api.setup["workspace_id"], upload["upload_intent_id"])
    assert row is not None
    return b"".join(read_content(place.store, row, chunk_bytes=1024 * 1024))


def complete_upload(api: ApiClient, content: bytes, **members: Any) -> str:
    """Upload content, and return the upload's id."""
    upload = announce(api, len(content), **members)
    assert send_content(api, upload["whole"], content).status_code == 200
    assert get_upload(api, upload)["status"] == "COMPLETE"
    return upload["upload_intent_id"]


def record_with_uploads(api: ApiClient, *upload_ids: str, **changes: Any) -> dict[str, Any]:
    """Return a record that references uploads."""
    found = [{"type": "file", "upload_intent_id": each} for each in upload_ids]
    return api.record(_attachments=found, **changes)


def row_of(home: ApiWorkspaces, upload_id: str) -> dict[str, Any] | None:
    """Return the catalog's row of an upload, or None."""
    with home.catalog.autocommit() as tx:
        statement = upload_table.select().where(upload_table.c.id == upload_id)
        found = tx.execute(statement).mappings().first()
    return None if found is None else dict(found)


def expire(home: ApiWorkspaces, upload_id: str, *, by_ms: int = 1) -> None:
    """Make an upload expired since ``by_ms`` milliseconds."""
    with home.catalog.transaction() as tx:
        over = home.catalog.now_ms() - by_ms
        statement = upload_table.update().where(upload_table.c.id == upload_id)
        tx.execute(statement.values(expires_at=over))


def uploaded_objects(place: UploadFixture, api: ApiClient) -> list[str]:
    """Return the paths of all received objects of a workspace."""
    folder = uploads_folder(api.setup["workspace_id"])
    return sorted(found.path for found in place.store.list(folder))


def stored_attachment(
    place: UploadFixture,
    api: ApiClient,
    content: bytes,
    *,
    filename: str | None = "call.mp3",
    mime_type: str = "audio/mpeg",
) -> str:
    """Store an attachment with content, and return its id."""
    workspace_id = api.setup["workspace_id"]
    batch_id = api.accept(api.record(_attachments=[{"type": "file"}]))
    sha256 = hashlib.sha256(content).hexdigest()
    place.store.put_many([(content_path(workspace_id, sha256), content)])
    attachment_id = f"{batch_id}.0.0"
    row = NewAttachment(
        id=attachment_id,
        workspace_id=workspace_id,
        batch_id=batch_id,
        line=0,
        place=0,
        record_id="0" * 32,
        kind="file",
        filename=filename,
        host="",
        due_at=0,
    )
    facts = {
        "status": "COMPLETE",
        "size": len(content),
        "sha256": sha256,
        "mime_type": mime_type,
        "completed_at": 1,
    }
    with place.home.catalog.transaction() as tx:
        attachments.insert(tx, [row])
        statement = attachment_table.update().where(attachment_table.c.id == attachment_id)
        tx.execute(statement.values(**facts))
    return attachment_id


def start_put(api: ApiClient, url: str, length: int) -> socket.socket:
    """Send the head of a PUT, and return the connection for its body."""
    connection = socket.create_connection(("127.0.0.1", int(api.url.rpartition(":")[2])), 30)
    head = (
        f"PUT {url} HTTP/1.1\r\nHost: x\r\nx-api-key: {api.setup['api_key']}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    )
    connection.sendall(head.encode())
    return connection


def whole_url(upload: Mapping[str, Any]) -> str:
    """Return the path that takes the whole content of an upload."""
    return f"/api/v1/uploads/{upload['upload_intent_id']}"
