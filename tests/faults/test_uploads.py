"""The API dies in the middle of an upload: what was answered is there, and the rest goes on."""

import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from everlake.attachments.uploads.content import read_content
from everlake.catalog import uploads
from everlake.catalog.opening import open_catalog
from everlake.client import Client
from everlake.storage import open_store
from tests.support.processes import wait_until
from tests.support.server import NO_RATE_LIMIT, ApiClient, EverlakeServer, run_everlake_json

PART = 5 * 1024 * 1024
SETTINGS = {**NO_RATE_LIMIT, "EVERLAKE_UPLOAD_PART_BYTES": str(PART)}


@pytest.mark.parametrize("parts_before", [1, 4])
def test_an_upload_goes_on_after_the_api_was_killed(tmp_path: Path, parts_before: int) -> None:
    setup = run_everlake_json("init", data=tmp_path)
    data = os.urandom(8 * PART + 17)
    file = tmp_path / "file"
    file.write_bytes(data)
    server = EverlakeServer("api", tmp_path, SETTINGS)
    server.start()
    api = ApiClient(server.url, setup)
    upload = api.http.post("/api/v1/uploads", json={"size": len(data)}).json()
    upload_id = upload["upload_intent_id"]

    thread = threading.Thread(target=put_slowly, args=(server.url, setup, upload, data))
    thread.start()
    wait_until(lambda: received_bytes(api, upload_id) >= parts_before * PART, "parts are received")
    before = received_bytes(api, upload_id)
    server.kill()
    thread.join()

    server.start()
    after = api.http.get(f"/api/v1/uploads/{upload_id}").json()
    assert after["receivedBytes"] >= before
    assert after["status"] == "PENDING"
    with Client(server.url, setup["api_key"]) as client:
        assert client.upload(file, resume=upload_id) == upload_id
    assert hash_of(tmp_path, setup, upload_id) == hashlib.sha256(data).hexdigest()
    server.stop()


def put_slowly(url: str, setup: dict[str, str], upload: dict[str, Any], data: bytes) -> None:
    def pieces() -> Any:
        for start in range(0, len(data), PART // 5):
            yield data[start : start + PART // 5]
            time.sleep(0.02)

    api = ApiClient(url, setup)
    with pytest.raises(httpx.TransportError):
        api.http.put(
            upload["whole"]["url"], content=pieces(), headers={"content-length": str(len(data))}
        )


def received_bytes(api: ApiClient, upload_id: str) -> int:
    received: int = api.http.get(f"/api/v1/uploads/{upload_id}").json()["receivedBytes"]
    return received


def hash_of(data: Path, setup: dict[str, str], upload_id: str) -> str:
    catalog = open_catalog(f"sqlite:///{data / 'everlake.db'}")
    with catalog.snapshot() as tx:
        row = uploads.get(tx, setup["workspace_id"], upload_id)
    catalog.close()
    assert row is not None
    assert row.completed_at is not None
    digest = hashlib.sha256()
    for piece in read_content(open_store(data.as_uri()), row, chunk_bytes=1024 * 1024):
        digest.update(piece)
    return digest.hexdigest()
