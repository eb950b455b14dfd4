"""Which stores a URL can name."""

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
    "url", ["", "/data", "data", "file:", "file://elsewhere/x", "s3://b", "x:"]
)
def test_any_other_url_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(StorageError, match="use file:///absolute/directory"):
        open_store(url)
