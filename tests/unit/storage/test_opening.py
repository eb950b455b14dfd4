"""URLs of object stores."""

import sys
from pathlib import Path

import pytest

from everlake.storage import StorageError, open_store
from everlake.storage.local import LocalStore


def test_a_file_url_is_a_directory(tmp_path: Path) -> None:
    store = open_store((tmp_path / "with space & é").as_uri())

    store.put_many([("a/b", b"1")])

    assert isinstance(store, LocalStore)
    assert (tmp_path / "with space & é" / "a" / "b").read_bytes() == b"1"


def test_a_file_url_may_name_this_host(tmp_path: Path) -> None:
    open_store(f"file://localhost{tmp_path}").put_many([("a", b"1")])

    assert (tmp_path / "a").read_bytes() == b"1"


@pytest.mark.parametrize(
    "url", ["", "/data", "data", "file:", "file://elsewhere/x", "gs://bucket", "x:"]
)
def test_any_other_url_is_rejected_with_advice(url: str) -> None:
    with pytest.raises(StorageError, match="use file:///absolute/directory"):
        open_store(url)


@pytest.mark.parametrize(
    "url",
    [
        "s3:",
        "s3://",
        "s3:///prefix",
        "s3://b",
        "s3://key:secret@bucket/prefix",
        "s3://bucket/prefix?versionId=1",
        "s3://bucket/prefix#x",
        "s3://bucket/a/../b",
        "s3://bucket/a//b",
    ],
)
def test_a_url_without_bucket_and_prefix_is_rejected(url: str) -> None:
    with pytest.raises(StorageError, match=r"use s3://bucket/prefix|not a path inside") as refused:
        open_store(url)

    assert "secret" not in str(refused.value)


def test_s3_without_its_library_is_rejected_with_advice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "everlake.storage.s3", raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == "obstore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Without("obstore"), *sys.meta_path])

    with pytest.raises(StorageError, match=r"make install EXTRAS=s3"):
        open_store("s3://bucket/prefix")


class _Without:
    """Import hook under which a library seems not to be installed."""

    def __init__(self, library: str) -> None:
        self._library = library

    def find_spec(self, name: str, *_: object) -> None:
        if name.split(".", maxsplit=1)[0] == self._library:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
