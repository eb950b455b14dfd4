"""Fixtures that open an object store in a directory and in a bucket."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from everlake.storage import ObjectStore, open_store
from tests.support.s3 import S3Server, s3_environment


class StoreUnderTest(NamedTuple):
    """A store, a function that lists the paths in it, and its URL."""

    store: ObjectStore
    names: Callable[[], list[str]]
    url: str


@pytest.fixture(params=["file", "s3"])
def store_under_test(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> StoreUnderTest:
    if request.param == "file":
        return _on_disk(tmp_path / "data")
    return _in_s3(request.getfixturevalue("s3_server"), monkeypatch)


@pytest.fixture
def store_url(store_under_test: StoreUnderTest) -> str:
    """URL of the store, for another process."""
    return store_under_test.url


@pytest.fixture
def store(store_under_test: StoreUnderTest) -> ObjectStore:
    return store_under_test.store


def _on_disk(root: Path) -> StoreUnderTest:
    def names() -> list[str]:
        files = (path for path in root.parent.rglob("*") if path.is_file())
        return sorted(path.relative_to(root).as_posix() for path in files)

    return StoreUnderTest(open_store(root.as_uri()), names, root.as_uri())


def _in_s3(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> StoreUnderTest:
    for name, value in s3_environment(server.url).items():
        monkeypatch.setenv(name, value)
    bucket = server.new_bucket()
    prefix = "some/where/"

    def names() -> list[str]:
        return [key.removeprefix(prefix) for key in server.keys(bucket)]

    url = f"s3://{bucket}/{prefix}"
    return StoreUnderTest(open_store(url), names, url)
