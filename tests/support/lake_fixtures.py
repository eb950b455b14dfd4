"""Fixtures that open a lake in a directory, in a bucket, or in either."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.lake import Lake
from everlake.tables.local_backend import LocalTableBackend
from tests.support.bucket_lake import BucketLake
from tests.support.s3 import S3Server, s3_environment


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalTableBackend(tmp_path))


@pytest.fixture
def bucket(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BucketLake]:
    for name, value in s3_environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    home = BucketLake(s3_server, tmp_path)
    yield home
    home.close()


@pytest.fixture(params=["disk", "bucket"])
def any_lake(request: pytest.FixtureRequest) -> Lake:
    """A lake in a directory, and one in a bucket."""
    if request.param == "disk":
        return request.getfixturevalue("lake")
    return request.getfixturevalue("bucket").lake()
