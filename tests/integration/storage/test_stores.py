"""Behaviour that every kind of store shares."""

import threading
import time
from itertools import islice

import pytest

from everlake.storage import ObjectMissing, ObjectStore, StorageError
from tests.support.store_fixtures import StoreUnderTest


def test_a_written_object_can_be_read(store: ObjectStore) -> None:
    store.put_many([("a/b/one", b"1"), ("a/two", b""), ("three", b"3" * 100_000)])

    assert store.get("a/b/one") == b"1"
    assert store.get("a/two") == b""
    assert store.get("three") == b"3" * 100_000


def test_an_object_is_stored_under_its_path(store_under_test: StoreUnderTest) -> None:
    paths = ["landing/workspace=ws_1/date=2026-03-01/x.ndjson.zst", "a/with space, é, %41 & +#?"]
    store_under_test.store.put_many([(path, path.encode()) for path in paths])

    assert store_under_test.names() == sorted(paths)
    assert [store_under_test.store.get(path).decode() for path in paths] == paths
    assert [one.path for one in store_under_test.store.list("a")] == paths[1:]


def test_writing_no_object_does_nothing(store_under_test: StoreUnderTest) -> None:
    store_under_test.store.put_many([])

    assert store_under_test.names() == []


def test_a_missing_object_is_an_error(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing, match="landing/x"):
        store.get("landing/x")


def test_many_objects_are_read_in_the_requested_order(store: ObjectStore) -> None:
    paths = [f"a/{number}" for number in range(50)]
    store.put_many([(path, path.encode() * 100) for path in paths])
    asked = [*paths[::-1], "a/7", "a/7"]

    assert list(store.get_many(asked)) == [path.encode() * 100 for path in asked]
    assert list(store.get_many(["a/3"])) == [b"a/3" * 100]
    assert list(store.get_many([])) == []


def test_a_missing_object_among_many_is_an_error_in_its_place(store: ObjectStore) -> None:
    paths = [f"a/{number}" for number in range(40)]
    store.put_many([(path, b"x") for path in paths])
    store.delete("a/30")
    objects = store.get_many(paths)

    assert list(islice(objects, 30)) == [b"x"] * 30
    with pytest.raises(ObjectMissing, match="a/30"):
        next(objects)


def test_the_same_object_can_be_written_again(store_under_test: StoreUnderTest) -> None:
    store_under_test.store.put_many([("a", b"1"), ("b", b"2")])
    store_under_test.store.put_many([("b", b"2"), ("c", b"3")])

    assert store_under_test.names() == ["a", "b", "c"]
    assert store_under_test.store.get("b") == b"2"


def test_deleting_a_missing_object_is_no_error(store_under_test: StoreUnderTest) -> None:
    store_under_test.store.put_many([("a", b"1"), ("ab", b"2")])

    store_under_test.store.delete("a")
    store_under_test.store.delete("a")
    store_under_test.store.delete("no/such/folder/a")

    assert store_under_test.names() == ["ab"]
    with pytest.raises(ObjectMissing):
        store_under_test.store.get("a")


def test_a_listing_has_every_object_below_a_directory_and_no_other(store: ObjectStore) -> None:
    store.put_many([("a/1", b"x"), ("a/b/c/2", b"xy"), ("ab/3", b"x"), ("4", b"x")])

    listed = list(store.list("a"))

    assert sorted((one.path, one.size) for one in listed) == [("a/1", 1), ("a/b/c/2", 2)]


def test_a_listing_has_objects_of_any_name(store: ObjectStore) -> None:
    store.put_many([("a/1.ndjson.zst", b"x"), ("a/2.ndjson.zst.00ff00ff.partial", b"x")])

    assert sorted(one.path for one in store.list("a")) == [
        "a/1.ndjson.zst",
        "a/2.ndjson.zst.00ff00ff.partial",
    ]


def test_a_listing_has_the_time_of_a_write(store: ObjectStore) -> None:
    before = time.time()
    store.put_many([("a/1", b"x")])

    [listed] = store.list("a")

    # S3 tells whole seconds.
    assert int(before) * 1000 <= listed.modified_ms <= time.time() * 1000


def test_the_listing_of_a_missing_directory_is_empty(store: ObjectStore) -> None:
    assert list(store.list("landing")) == []


ESCAPES = ["../x", "a/../../x", "/etc/x", "a/..", "a\0b", "", ".", "a/", "a//b", "./a"]


@pytest.mark.parametrize("path", ESCAPES)
def test_a_path_outside_of_any_store_is_rejected(
    store_under_test: StoreUnderTest, path: str
) -> None:
    with pytest.raises(StorageError, match="not a path inside the store"):
        store_under_test.store.put_many([(path, b"x")])
    with pytest.raises(StorageError, match="not a path inside the store"):
        store_under_test.store.get(path)
    with pytest.raises(StorageError, match="not a path inside the store"):
        store_under_test.store.delete(path)

    assert store_under_test.names() == []


@pytest.mark.parametrize("prefix", ["..", "a/../..", "/etc", "a\0"])
def test_a_prefix_outside_of_the_store_is_rejected(store: ObjectStore, prefix: str) -> None:
    with pytest.raises(StorageError, match="not a path inside the store"):
        list(store.list(prefix))


def test_no_object_is_written_when_one_path_is_rejected(
    store_under_test: StoreUnderTest,
) -> None:
    with pytest.raises(StorageError, match="not a path inside the store"):
        store_under_test.store.put_many([("a/1", b"x"), ("../2", b"x")])

    assert store_under_test.names() == []


def test_a_check_leaves_no_object(store_under_test: StoreUnderTest) -> None:
    store_under_test.store.check()
    store_under_test.store.check()

    assert store_under_test.names() == []


def test_many_threads_can_write_into_new_directories_at_once(store: ObjectStore) -> None:
    start = threading.Barrier(8)
    errors: list[BaseException] = []

    def write(number: int) -> None:
        start.wait()
        try:
            store.put_many([(f"a/b/c{number % 2}/{number}-{n}", b"x") for n in range(5)])
        except BaseException as error:  # noqa: BLE001 - looked at below, in the test's thread
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(list(store.list("a"))) == 40
