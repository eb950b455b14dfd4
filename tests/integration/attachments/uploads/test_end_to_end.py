"""Uploads end to end: sent, referenced by records, stored by the worker, and downloaded."""

import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from everlake.client import Client
from everlake.storage import open_store
from tests.support.api_workspaces import running_api
from tests.support.s3 import S3Server, s3_environment
from tests.support.server import NO_RATE_LIMIT, ApiClient
from tests.support.uploads import (
    PART,
    UploadFixture,
    complete_upload,
    record_with_uploads,
    uploaded_objects,
)


@pytest.fixture(scope="module", params=["directory", "bucket"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[UploadFixture]:
    data = tmp_path_factory.mktemp("through")
    env = {**NO_RATE_LIMIT, "EVERLAKE_UPLOAD_PART_BYTES": str(PART)}
    with pytest.MonkeyPatch.context() as patch:
        url = data.as_uri()
        if request.param == "bucket":
            server: S3Server = request.getfixturevalue("s3_server")
            url = f"s3://{server.new_bucket()}/some"
            for name, value in s3_environment(server.url).items():
                patch.setenv(name, value)
        with running_api("serve", data, {**env, "EVERLAKE_STORAGE_URL": url}) as home:
            yield UploadFixture(home, open_store(url), direct=request.param == "bucket")


@pytest.fixture
def api(place: UploadFixture) -> ApiClient:
    return place.home.workspace()


def wait_for_attachments(api: ApiClient, batch_id: str) -> list[dict[str, Any]]:
    """Return a batch's attachments once each of them is complete or has failed."""
    deadline = time.monotonic() + 60
    while True:
        page = api.http.get(f"/api/v1/ingest/batches/{batch_id}/attachments").json()
        found = page["attachments"]
        if found and all(each["status"] in {"COMPLETE", "FAILED"} for each in found):
            return found
        assert time.monotonic() < deadline, page
        time.sleep(0.05)


def test_uploaded_content_can_be_downloaded(
    place: UploadFixture, api: ApiClient, tmp_path: Path
) -> None:
    data = os.urandom(2 * PART + 1)
    (tmp_path / "call.mp3").write_bytes(data)
    with Client(api.url, api.setup["api_key"]) as client:
        upload_id = client.upload(tmp_path / "call.mp3")
    records = [record_with_uploads(api, upload_id, _vendor_ids={"id": str(n)}) for n in range(2)]
    found = wait_for_attachments(api, api.accept(records))
    found += wait_for_attachments(
        api, api.accept(record_with_uploads(api, upload_id, _vendor_ids={"id": "later"}))
    )

    assert [each["status"] for each in found] == ["COMPLETE"] * 3
    assert len({each["sha256"] for each in found}) == 1
    for each in found:
        url = f"/api/v1/attachments/{each['attachmentId']}/content"
        assert api.http.get(url).content == data
    deadline = time.monotonic() + 30
    while uploaded_objects(place, api):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    again = api.http.put(f"/api/v1/uploads/{upload_id}", content=data)
    assert again.json()["status"] == "COMPLETE"
    assert api.http.put(f"/api/v1/uploads/{upload_id}", content=data[::-1]).status_code == 400


def test_content_with_another_hash_than_announced_fails(
    place: UploadFixture, api: ApiClient
) -> None:
    upload_id = complete_upload(api, b"hello", sha256="0" * 64)
    (only,) = wait_for_attachments(api, api.accept(record_with_uploads(api, upload_id)))
    assert (only["status"], only["error"]["code"]) == ("FAILED", "SHA256_MISMATCH")
    answer = api.http.get(f"/api/v1/attachments/{only['attachmentId']}/content")
    assert answer.status_code == 404
