"""Attachments and uploads that go from a disk into a bucket, and from there to a disk again."""

import os
from pathlib import Path

import pytest

from everlake.landing.copying import ObjectsDiffer
from everlake.landing.copying_files import copy_files, files_of, verify_files
from everlake.storage import ObjectStore, StorageError, open_store
from tests.integration.storage.conftest import Place


@pytest.fixture
def other(tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
    return open_store((tmp_path_factory.mktemp("other") / "data").as_uri())


def everything() -> dict[str, bytes]:
    small = {f"attachments/workspace=w/sha256=aa/{n}": os.urandom(n * 100) for n in range(150)}
    return {**small, "uploads/workspace=w/u1/1": b"part", "attachments/large": os.urandom(40 << 20)}


def copied(source: ObjectStore, target: ObjectStore, directory: Path) -> list[int]:
    seen: list[int] = []
    copy_files(source, target, files_of(source), files_of(target), seen.append, directory=directory)
    return seen


def test_all_files_go_to_another_store_and_back(
    place: Place, other: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scratch, home = tmp_path_factory.mktemp("scratch"), tmp_path_factory.mktemp("home")
    contents = everything()
    other.put_many([*contents.items(), ("attachments/w/x.00ff00ff.partial", b"cut off")])
    last = open_store((home / "data").as_uri())

    for source, target in ((other, place.store), (place.store, last)):
        assert copied(source, target, scratch)[-1] == len(contents)
        held = verify_files(source, target, files_of(source), lambda _: None)
        assert (held.objects, held.bytes) == (len(contents), sum(map(len, contents.values())))

    assert {path: last.get(path) for path in files_of(last)} == contents
    assert list(scratch.iterdir()) == []


def test_files_that_are_there_do_not_go_again(
    place: Place, other: ObjectStore, tmp_path: Path
) -> None:
    other.put_many([("attachments/1", b"1"), ("attachments/2", b"22")])
    place.store.put_many([("attachments/2", b"22")])

    assert copied(other, place.store, tmp_path) == [1, 2]
    assert copied(other, place.store, tmp_path) == [2]


def test_another_file_at_the_path_is_left_as_it_is(
    place: Place, other: ObjectStore, tmp_path: Path
) -> None:
    other.put_many([("attachments/1", b"1")])
    place.store.put_many([("attachments/1", b"longer")])

    with pytest.raises(StorageError, match="another object lies at attachments/1"):
        copied(other, place.store, tmp_path)

    assert place.store.get("attachments/1") == b"longer"


def test_files_that_differ_or_are_missing_are_told(place: Place, other: ObjectStore) -> None:
    other.put_many([("attachments/1", b"1"), ("uploads/2", b"2")])
    place.store.put_many([("attachments/1", b"x")])

    with pytest.raises(ObjectsDiffer, match="attachments/1 is not the same"):
        verify_files(other, place.store, {"attachments/1": 1}, lambda _: None)
    with pytest.raises(ObjectsDiffer, match="uploads/2 is missing"):
        verify_files(other, place.store, {"uploads/2": 1}, lambda _: None)
