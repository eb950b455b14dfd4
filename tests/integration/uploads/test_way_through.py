"""What is uploaded comes back: through the worker, by its hash, once for all that name it."""

import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from everlake.client import Client
from everlake.storage import open_store
from tests.integration.api.home import home_of
from tests.integration.s3 import S3, variables
from tests.integration.server import FAST, Api
from tests.integration.uploads.home import PART, Place, naming, objects, uploaded


@pytest.fixture(scope="module", params=["directory", "bucket"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Place]:
    data = tmp_path_factory.mktemp("through")
    env = {**FAST, "EVERLAKE_UPLOAD_PART_BYTES": str(PART)}
    with pytest.MonkeyPatch.context() as patch:
        url = data.as_uri()
        if request.param == "bucket":
            server: S3 = request.getfixturevalue("s3_server")
            url = f"s3://{server.new_bucket()}/some"
            for name, value in variables(server.url).items():
                patch.setenv(name, value)
        with home_of("serve", data, {**env, "EVERLAKE_STORAGE_URL": url}) as home:
            yield Place(home, open_store(url), direct=request.param == "bucket")


@pytest.fixture
def api(place: Place) -> Api:
    return place.home.workspace()


def settled(api: Api, batch_id: str) -> list[dict[str, Any]]:
    """A batch's attachments, once each is complete or has failed."""
    deadline = time.monotonic() + 60
    while True:
        page = api.http.get(f"/api/v1/ingest/batches/{batch_id}/attachments").json()
        found = page["attachments"]
        if found and all(each["status"] in {"COMPLETE", "FAILED"} for each in found):
            return found
        assert time.monotonic() < deadline, page
        time.sleep(0.05)


def test_what_was_uploaded_comes_back(place: Place, api: Api, tmp_path: Path) -> None:
    data = os.urandom(2 * PART + 1)
    (tmp_path / "call.mp3").write_bytes(data)
    with Client(api.url, api.setup["api_key"]) as client:
        upload_id = client.upload(tmp_path / "call.mp3")
    records = [naming(api, upload_id, _vendor_ids={"id": str(n)}) for n in range(2)]
    found = settled(api, api.accept(records))
    found += settled(api, api.accept(naming(api, upload_id, _vendor_ids={"id": "later"})))

    assert [each["status"] for each in found] == ["COMPLETE"] * 3
    assert len({each["sha256"] for each in found}) == 1
    for each in found:
        url = f"/api/v1/attachments/{each['attachmentId']}/content"
        assert api.http.get(url).content == data
    deadline = time.monotonic() + 30
    while objects(place, api):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    again = api.http.put(f"/api/v1/uploads/{upload_id}", content=data)
    assert again.json()["status"] == "COMPLETE"
    assert api.http.put(f"/api/v1/uploads/{upload_id}", content=data[::-1]).status_code == 400


def test_content_with_another_hash_than_was_announced_fails(place: Place, api: Api) -> None:
    upload_id = uploaded(api, b"hello", sha256="0" * 64)
    (only,) = settled(api, api.accept(naming(api, upload_id)))
    assert (only["status"], only["error"]["code"]) == ("FAILED", "SHA256_MISMATCH")
    answer = api.http.get(f"/api/v1/attachments/{only['attachmentId']}/content")
    assert answer.status_code == 404
