"""Import of files and chunked reads, in every kind of store."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from everlake.storage import ObjectMissing, ObjectStore, StorageError, StorageUnavailable
from tests.support.store_fixtures import StoreUnderTest

MEGABYTE = 1024 * 1024


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory outside of the store."""
    return tmp_path_factory.mktemp("scratch")


def file_of(scratch: Path, name: str, data: bytes) -> Path:
    made = scratch / name
    made.write_bytes(data)
    return made


def test_imported_files_can_be_read(store_under_test: StoreUnderTest, scratch: Path) -> None:
    contents = {"a/empty": b"", "a/b/one": b"1", "a/two": os.urandom(3 * MEGABYTE)}
    files = [
        (path, file_of(scratch, str(n), data)) for n, (path, data) in enumerate(contents.items())
    ]

    store_under_test.store.put_files(files)

    assert store_under_test.names() == sorted(contents)
    for path, data in contents.items():
        assert store_under_test.store.get(path) == data
        assert store_under_test.store.size(path) == len(data)


def test_bytes_and_files_are_imported_together(
    store_under_test: StoreUnderTest, scratch: Path
) -> None:
    store_under_test.store.put_many([("there", b"as it was")])

    store_under_test.store.put_files(
        [
            ("a/empty", b""),
            ("a/bytes", b"from memory"),
            ("a/file", file_of(scratch, "1", b"from a file")),
            ("there", b"as it was"),
        ]
    )

    assert store_under_test.names() == ["a/bytes", "a/empty", "a/file", "there"]
    assert store_under_test.store.get("a/bytes") == b"from memory"
    assert store_under_test.store.get("a/empty") == b""
    with pytest.raises(StorageError, match="another object at there"):
        store_under_test.store.put_files([("there", b"of another size")])


def test_a_large_file_is_imported_completely(
    store_under_test: StoreUnderTest, scratch: Path
) -> None:
    data = os.urandom(20 * MEGABYTE + 7)

    store_under_test.store.put_files([("a", file_of(scratch, "1", data))])

    assert store_under_test.store.get("a") == data


def test_importing_no_file_does_nothing(store_under_test: StoreUnderTest) -> None:
    store_under_test.store.put_files([])

    assert store_under_test.names() == []


@pytest.mark.parametrize("size", [10, 17 * MEGABYTE])
def test_an_existing_object_is_left_as_it_is(
    store_under_test: StoreUnderTest, scratch: Path, size: int
) -> None:
    store_under_test.store.put_files([("a", file_of(scratch, "1", b"x" * size))])

    # Never so in earnest, where the path tells the content; here it tells the two apart.
    store_under_test.store.put_files([("a", file_of(scratch, "2", b"y" * size))])

    assert store_under_test.store.get("a") == b"x" * size


@pytest.mark.parametrize("size", [10, 17 * MEGABYTE])
def test_an_existing_object_of_another_size_is_an_error(
    store_under_test: StoreUnderTest, scratch: Path, size: int
) -> None:
    store_under_test.store.put_files([("a", file_of(scratch, "1", b"x"))])
    file = file_of(scratch, "2", b"y" * size)

    with pytest.raises(StorageError, match="another object at a"):
        store_under_test.store.put_files([("a", file)])

    assert store_under_test.store.get("a") == b"x"
    assert file.stat().st_size == size


def test_concurrent_imports_of_one_path_both_succeed(
    store_under_test: StoreUnderTest, scratch: Path
) -> None:
    data = os.urandom(100_000)
    start = threading.Barrier(8)
    errors: list[BaseException] = []

    def write(number: int) -> None:
        files = [
            (f"sha256=aa/{n}", file_of(scratch, f"{number}-{n}", data + bytes([n])))
            for n in range(10)
        ]
        start.wait()
        try:
            store_under_test.store.put_files(files)
        except BaseException as error:  # noqa: BLE001 - looked at below, in the test's thread
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert store_under_test.names() == [f"sha256=aa/{n}" for n in range(10)]
    assert all(store_under_test.store.get(f"sha256=aa/{n}") == data + bytes([n]) for n in range(10))


def test_a_missing_file_is_an_error(store_under_test: StoreUnderTest, scratch: Path) -> None:
    with pytest.raises(StorageError, match="the file for a is not there"):
        store_under_test.store.put_files([("a", scratch / "none")])

    assert store_under_test.names() == []


def test_only_regular_files_are_imported(store_under_test: StoreUnderTest, scratch: Path) -> None:
    (scratch / "link").symlink_to(file_of(scratch, "real", b"x"))
    os.mkfifo(scratch / "pipe")

    for name in ("link", "pipe", "."):
        with pytest.raises(StorageError, match="not a regular file"):
            store_under_test.store.put_files([("a", scratch / name)])

    assert store_under_test.names() == []


def test_a_stopped_import_imports_nothing(store_under_test: StoreUnderTest, scratch: Path) -> None:
    stop = threading.Event()
    stop.set()

    with pytest.raises(StorageUnavailable, match="process is stopping"):
        store_under_test.store.put_files([("a", file_of(scratch, "1", b"x"))], stop=stop)

    assert store_under_test.names() == []


TEXT = b"0123456789"
RANGES = [
    (0, None, TEXT),
    (0, 10, TEXT),
    (0, 1, b"0"),
    (3, 7, b"3456"),
    (8, None, b"89"),
    (9, 100, b"9"),
    (10, None, b""),
    (100, 200, b""),
    (5, 5, b""),
    (7, 3, b""),
]


@pytest.mark.parametrize("piece", [1, 3, 10, 100])
@pytest.mark.parametrize(("start", "end", "expected"), RANGES)
def test_a_range_is_read_in_chunks(
    store: ObjectStore, start: int, end: int | None, expected: bytes, piece: int
) -> None:
    store.put_many([("a/1", TEXT)])

    pieces = list(store.read("a/1", start, end, chunk_size=piece))

    assert b"".join(pieces) == expected
    assert all(0 < len(one) <= piece for one in pieces)


def test_an_empty_object_has_no_chunks(store: ObjectStore) -> None:
    store.put_many([("a", b"")])

    assert list(store.read("a")) == []
    assert list(store.read("a", 5)) == []
    assert store.size("a") == 0


def test_reading_a_missing_object_is_an_error(store: ObjectStore) -> None:
    store.put_many([("a/1", b"x")])

    for path in ("b", "a", "a/1/2"):
        with pytest.raises(ObjectMissing, match=f"no object at {path}"):
            store.size(path)
        with pytest.raises(ObjectMissing, match=f"no object at {path}"):
            next(iter(store.read(path)), None)


def test_an_invalid_range_is_rejected(store: ObjectStore) -> None:
    for start, end, piece in ((-1, None, 1), (0, -1, 1), (0, None, 0)):
        with pytest.raises(ValueError, match="invalid range of bytes"):
            store.read("a", start, end, chunk_size=piece)


def test_a_path_outside_of_the_store_is_rejected(store: ObjectStore, scratch: Path) -> None:
    file = file_of(scratch, "1", b"x")
    for act in (
        lambda: store.put_files([("../x", file)]),
        lambda: store.size("../x"),
        lambda: store.read("../x"),
        lambda: store.local_path("../x"),
        lambda: store.upload_url("../x", 60),
    ):
        with pytest.raises(StorageError, match="not a path inside the store"):
            act()
    assert file.read_bytes() == b"x"


_MEASURE = """
import sys, threading
from pathlib import Path
from everlake.storage import open_store

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024

url, file = sys.argv[1], Path(sys.argv[2])
small = file.with_name("small")
small.write_bytes(b"x" * 2_000_000)
store = open_store(url)
store.put_files([("small", small)])
sum(map(len, store.read("small")))
before = peak()
store.put_files([("large", file)])
assert sum(map(len, store.read("large"))) == int(sys.argv[3])
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_file(store_url: str, scratch: Path) -> None:
    size = 160 * MEGABYTE
    file = scratch / "large"
    with file.open("wb") as made:
        made.truncate(size)

    measured = subprocess.run(
        [sys.executable, "-c", _MEASURE, store_url, str(file), str(size)],
        check=True,
        capture_output=True,
        text=True,
    )

    assert int(measured.stdout) < 100 * MEGABYTE
