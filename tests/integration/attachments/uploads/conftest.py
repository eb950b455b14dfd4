"""One API server per kind of storage and of upload target, without a worker."""

from collections.abc import Generator
from pathlib import Path

import pytest

from everlake.storage import open_store
from tests.support.api_workspaces import running_api
from tests.support.s3 import S3Server, s3_environment
from tests.support.server import NO_RATE_LIMIT, ApiClient
from tests.support.uploads import PART, UploadFixture

_SETTINGS = {**NO_RATE_LIMIT, "EVERLAKE_UPLOAD_PART_BYTES": str(PART)}


@pytest.fixture(scope="module", params=["directory", "bucket", "bucket through the API"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[UploadFixture]:
    data = tmp_path_factory.mktemp("uploads")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "directory":
            yield from _place(data, data.as_uri(), {}, direct=False)
            return
        server: S3Server = request.getfixturevalue("s3_server")
        env = s3_environment(server.url)
        for name, value in env.items():
            patch.setenv(name, value)
        direct = request.param == "bucket"
        through = {"EVERLAKE_UPLOAD_THROUGH": "bucket" if direct else "api"}
        url = f"s3://{server.new_bucket()}/some"
        yield from _place(data, url, {**env, **through}, direct=direct)


def _place(data: Path, url: str, env: dict[str, str], *, direct: bool) -> Generator[UploadFixture]:
    with running_api("api", data, {**_SETTINGS, **env, "EVERLAKE_STORAGE_URL": url}) as home:
        yield UploadFixture(home, open_store(url), direct)
        log = home.server.log()
    assert "unexpected error" not in log
    assert "em_sk_" not in log.replace("em_sk_[hidden]", "")


@pytest.fixture
def api(place: UploadFixture) -> ApiClient:
    """Workspace of the test's own."""
    return place.home.workspace()
