"""Attachments and uploads that go from a disk into a bucket, and from there to a disk again."""

import os
from pathlib import Path

import pytest

from everlake.integrity.copy.errors import ObjectsDiffer
from everlake.integrity.copy.files import copy_files, list_files, verify_files
from everlake.storage import ObjectStore, StorageError, open_store
from tests.support.store_fixtures import StoreUnderTest


@pytest.fixture
def other(tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
    return open_store((tmp_path_factory.mktemp("other") / "data").as_uri())


def everything() -> dict[str, bytes]:
    small = {f"attachments/workspace=w/sha256=aa/{n}": os.urandom(n * 100) for n in range(150)}
    return {**small, "uploads/workspace=w/u1/1": b"part", "attachments/large": os.urandom(40 << 20)}


def copied(source: ObjectStore, target: ObjectStore, directory: Path) -> list[int]:
    seen: list[int] = []
    copy_files(
        source, target, list_files(source), list_files(target), seen.append, directory=directory
    )
    return seen


def test_all_files_go_to_another_store_and_back(
    store_under_test: StoreUnderTest, other: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scratch, home = tmp_path_factory.mktemp("scratch"), tmp_path_factory.mktemp("home")
    contents = everything()
    other.put_many([*contents.items(), ("attachments/w/x.00ff00ff.partial", b"cut off")])
    last = open_store((home / "data").as_uri())

    for source, target in ((other, store_under_test.store), (store_under_test.store, last)):
        assert copied(source, target, scratch)[-1] == len(contents)
        held = verify_files(source, target, list_files(source), lambda _: None)
        assert (held.objects, held.bytes) == (len(contents), sum(map(len, contents.values())))

    assert {path: last.get(path) for path in list_files(last)} == contents
    assert list(scratch.iterdir()) == []


def test_files_that_are_there_do_not_go_again(
    store_under_test: StoreUnderTest, other: ObjectStore, tmp_path: Path
) -> None:
    other.put_many([("attachments/1", b"1"), ("attachments/2", b"22")])
    store_under_test.store.put_many([("attachments/2", b"22")])

    assert copied(other, store_under_test.store, tmp_path) == [1, 2]
    assert copied(other, store_under_test.store, tmp_path) == [2]


def test_another_file_at_the_path_is_left_as_it_is(
    store_under_test: StoreUnderTest, other: ObjectStore, tmp_path: Path
) -> None:
    other.put_many([("attachments/1", b"1")])
    store_under_test.store.put_many([("attachments/1", b"longer")])

    with pytest.raises(StorageError, match="another object at attachments/1"):
        copied(other, store_under_test.store, tmp_path)

    assert store_under_test.store.get("attachments/1") == b"longer"


def test_files_that_differ_or_are_missing_are_told(
    store_under_test: StoreUnderTest, other: ObjectStore
) -> None:
    other.put_many([("attachments/1", b"1"), ("uploads/2", b"2")])
    store_under_test.store.put_many([("attachments/1", b"x")])

    with pytest.raises(ObjectsDiffer, match="attachments/1 is not the same"):
        verify_files(other, store_under_test.store, {"attachments/1": 1}, lambda _: None)
    with pytest.raises(ObjectsDiffer, match="uploads/2 is missing"):
        verify_files(other, store_under_test.store, {"uploads/2": 1}, lambda _: None)
