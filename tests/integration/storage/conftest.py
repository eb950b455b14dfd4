"""A store of each kind, and a look at what is in it past our own code."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from everlake.storage import ObjectStore, open_store
from tests.integration.s3 import S3, variables


class Place(NamedTuple):
    """A store, and the paths of all that lies in it."""

    store: ObjectStore
    names: Callable[[], list[str]]
    url: str


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "file":
        return _on_disk(tmp_path / "data")
    return _in_s3(request.getfixturevalue("s3_server"), monkeypatch)


@pytest.fixture
def place_url(place: Place) -> str:
    """What another process opens the store by."""
    return place.url


@pytest.fixture
def store(place: Place) -> ObjectStore:
    return place.store


def _on_disk(root: Path) -> Place:
    def names() -> list[str]:
        files = (path for path in root.parent.rglob("*") if path.is_file())
        return sorted(path.relative_to(root).as_posix() for path in files)

    return Place(open_store(root.as_uri()), names, root.as_uri())


def _in_s3(server: S3, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name, value in variables(server.url).items():
        monkeypatch.setenv(name, value)
    bucket = server.new_bucket()
    prefix = "some/where/"

    def names() -> list[str]:
        return [key.removeprefix(prefix) for key in server.keys(bucket)]

    url = f"s3://{bucket}/{prefix}"
    return Place(open_store(url), names, url)
