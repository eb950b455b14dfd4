"""One API server per kind of storage and of upload target, without a worker."""

from collections.abc import Generator
from pathlib import Path

import pytest

from everlake.storage import open_store
from tests.support.api_workspaces import running_api
from tests.support.s3 import S3Server, s3_environment
from tests.support.server import NO_RATE_LIMIT, ApiClient
from tests.support.uploads import PART, UploadFixture

_PLACES = {
    "directory": "directory",
    "bucket": "bucket",
    "bucket through the API": "bucket_through_api",
}
_SETTINGS = {**NO_RATE_LIMIT, "EVERLAKE_UPLOAD_PART_BYTES": str(PART)}


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Generator[UploadFixture]:
    data = tmp_path_factory.mktemp("uploads")
    yield from _place(data, data.as_uri(), {}, direct=False)


@pytest.fixture(scope="session")
def bucket(
    s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Generator[UploadFixture]:
    yield from _bucket(s3_server, tmp_path_factory.mktemp("uploads"), "bucket")


@pytest.fixture(scope="session")
def bucket_through_api(
    s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Generator[UploadFixture]:
    yield from _bucket(s3_server, tmp_path_factory.mktemp("uploads"), "api")


@pytest.fixture(params=_PLACES)
def place(request: pytest.FixtureRequest) -> UploadFixture:
    found: UploadFixture = request.getfixturevalue(_PLACES[request.param])
    return found


def _bucket(server: S3Server, data: Path, through: str) -> Generator[UploadFixture]:
    env = s3_environment(server.url)
    settings = {**env, "EVERLAKE_UPLOAD_THROUGH": through}
    url = f"s3://{server.new_bucket()}/some"
    yield from _place(data, url, settings, direct=through == "bucket")


def _place(data: Path, url: str, env: dict[str, str], *, direct: bool) -> Generator[UploadFixture]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        store = open_store(url)
    with running_api("api", data, {**_SETTINGS, **env, "EVERLAKE_STORAGE_URL": url}) as home:
        yield UploadFixture(home, store, direct)
        log = home.server.log()
    assert "unexpected error" not in log
    assert "em_sk_" not in log.replace("em_sk_[hidden]", "")


@pytest.fixture
def api(place: UploadFixture) -> ApiClient:
    """Workspace of the test's own."""
    return place.home.workspace()
