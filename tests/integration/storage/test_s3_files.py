"""Import of files into S3 and chunked reads, with and without faults."""

import os
import threading
import time
from pathlib import Path

import httpx
import pytest

from everlake.storage import ObjectMissing, ObjectUnreadable, StorageError, StorageUnavailable
from everlake.storage.s3 import S3Store
from everlake.storage.s3_retry import S3Timeouts
from tests.support.s3 import S3Server
from tests.support.s3_proxy import S3Fault, S3Proxy

LARGE = os.urandom(1_000_000) * 20
LASTING = 1_000_000
QUICK = S3Timeouts(connect=1, read=0.5, total=5, retry=2)


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return s3_server.new_bucket()


@pytest.fixture
def store(faulty_s3: S3Proxy, bucket: str) -> S3Store:
    return S3Store(bucket, "lake", timeouts=S3Timeouts(read=3, retry=40))


@pytest.fixture
def quick(faulty_s3: S3Proxy, bucket: str) -> S3Store:
    return S3Store(bucket, "lake", timeouts=QUICK)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small"
    file.write_bytes(b"abc" * 1_000)
    return file


@pytest.fixture
def large(tmp_path: Path) -> Path:
    file = tmp_path / "large"
    file.write_bytes(LARGE)
    return file


SMALL_FAULTS = [
    S3Fault("status", "PUT", status=500, code="InternalError", times=2),
    S3Fault("status", "PUT", times=2),
    S3Fault("status", "PUT", status=409, code="ConditionalRequestConflict"),
    S3Fault("silence", "PUT"),
    S3Fault("cut upload", "PUT"),
    S3Fault("lost answer", "PUT", times=2),
]
LARGE_FAULTS = [
    S3Fault("status", "PUT", "partNumber=2", status=500, times=2),
    S3Fault("status", "PUT", "partNumber=3"),
    S3Fault("silence", "PUT", "partNumber=1"),
    S3Fault("cut upload", "PUT", "partNumber=2"),
    S3Fault("lost answer", "PUT", "partNumber=2"),
    S3Fault("lost answer", "POST", "uploads"),
    S3Fault("lost answer", "POST", "uploadId"),
    S3Fault("status", "POST", "uploadId", status=500),
    S3Fault("status", "PUT", "partNumber=2", status=400, code="RequestTimeout"),
    S3Fault("status", "HEAD"),
]


def name_of(fault: S3Fault) -> str:
    return f"{fault.kind} {fault.method} {fault.target} {fault.status} {fault.times}"


def fresh(fault: S3Fault, times: int) -> S3Fault:
    return S3Fault(fault.kind, fault.method, fault.target, times, 0, fault.status, fault.code)


@pytest.mark.parametrize("fault", SMALL_FAULTS, ids=name_of)
def test_the_import_of_a_small_file_survives_temporary_faults(
    store: S3Store, faulty_s3: S3Proxy, small: Path, fault: S3Fault
) -> None:
    faulty_s3.faults = [fresh(fault, fault.times)]

    store.put_files([("a", small)])

    assert store.get("a") == small.read_bytes()
    assert faulty_s3.faults[0].times == 0


@pytest.mark.parametrize("fault", LARGE_FAULTS, ids=name_of)
def test_the_import_of_a_large_file_survives_temporary_faults(
    store: S3Store,
    faulty_s3: S3Proxy,
    bucket: str,
    s3_server: S3Server,
    large: Path,
    fault: S3Fault,
) -> None:
    faulty_s3.faults = [fresh(fault, fault.times)]

    store.put_files([("a", large)])

    assert s3_server.get(bucket, "lake/a") == LARGE
    assert faulty_s3.faults[0].times == 0


def test_only_the_part_that_failed_is_sent_again(
    store: S3Store, faulty_s3: S3Proxy, large: Path
) -> None:
    faulty_s3.faults = [S3Fault("status", "PUT", "partNumber=2", status=500, times=2)]

    store.put_files([("a", large)])

    assert faulty_s3.count("PUT", "partNumber=2") == 3
    assert faulty_s3.count("PUT") == 5


@pytest.mark.parametrize("target", ["partNumber=2", "partNumber=3"])
def test_an_upload_that_a_lasting_fault_stops_is_aborted(
    quick: S3Store, faulty_s3: S3Proxy, bucket: str, s3_server: S3Server, large: Path, target: str
) -> None:
    faulty_s3.faults = [
        S3Fault("status", "PUT", target, status=403, code="AccessDenied", times=LASTING)
    ]

    with pytest.raises(StorageUnavailable, match="need PutObject"):
        quick.put_files([("a", large)])

    assert s3_server.keys(bucket) == []
    assert faulty_s3.count("DELETE", "uploadId") == faulty_s3.count("POST", "uploads") == 1
    assert large.read_bytes() == LARGE


def test_a_stopped_upload_is_aborted(
    store: S3Store, faulty_s3: S3Proxy, bucket: str, s3_server: S3Server, tmp_path: Path
) -> None:
    file = tmp_path / "long"
    with file.open("wb") as made:
        made.truncate(400_000_000)
    stop = threading.Event()
    errors: list[Exception] = []

    def put() -> None:
        try:
            store.put_files([("a", file)], stop=stop)
        except StorageError as error:
            errors.append(error)

    putting = threading.Thread(target=put)
    putting.start()
    while not faulty_s3.count("PUT"):
        time.sleep(0.005)
    stop.set()
    putting.join()

    assert [str(error) for error in errors] == [
        "storage could not write: the process is stopping: send again later"
    ]
    assert s3_server.keys(bucket) == []
    assert faulty_s3.count("DELETE", "uploadId") == 1


def test_an_existing_object_is_not_sent_in_parts_again(
    store: S3Store, faulty_s3: S3Proxy, large: Path
) -> None:
    store.put_files([("a", large)])
    sent = faulty_s3.count("PUT")

    store.put_files([("a", large)])

    assert faulty_s3.count("PUT") == sent
    assert faulty_s3.count("POST", "uploads") == 1


def test_a_new_small_file_is_one_request(
    store: S3Store, faulty_s3: S3Proxy, tmp_path: Path
) -> None:
    files: list[tuple[str, Path]] = []
    for number in range(40):
        file = tmp_path / str(number)
        file.write_bytes(b"x")
        files.append((f"a/{number}", file))

    store.put_files(files)

    assert faulty_s3.count("PUT") == len(faulty_s3.seen) == 40


def test_a_file_that_cannot_be_sent_leaves_no_partial_object(
    quick: S3Store, faulty_s3: S3Proxy, bucket: str, s3_server: S3Server, small: Path
) -> None:
    faulty_s3.faults = [S3Fault("status", "PUT", "/lake/b", times=LASTING)]

    with pytest.raises(StorageUnavailable, match="S3 is busy"):
        quick.put_files([("a", small), ("b", small), ("c", small)])

    for key in s3_server.keys(bucket):
        assert s3_server.get(bucket, key) == small.read_bytes()


@pytest.mark.parametrize("kind", ["status", "silence", "cut answer", "lost answer"])
def test_a_read_resumes_at_the_chunk_that_failed(
    store: S3Store, faulty_s3: S3Proxy, kind: str
) -> None:
    data = os.urandom(100_000)
    store.put_many([("a", data)])
    faulty_s3.faults = [S3Fault(kind, "GET", after=3)]  # pyright: ignore[reportArgumentType]

    assert b"".join(store.read("a", 10, 99_990, chunk_size=10_000)) == data[10:99_990]

    assert faulty_s3.faults[0].times == 0
    assert faulty_s3.count("GET") == 11


def test_a_read_from_a_lost_server_ends(quick: S3Store, faulty_s3: S3Proxy) -> None:
    quick.put_many([("a", b"0123456789")])
    faulty_s3.faults = [S3Fault("status", "GET", after=2, times=LASTING)]
    pieces = quick.read("a", chunk_size=2)

    assert [next(pieces), next(pieces)] == [b"01", b"23"]
    with pytest.raises(StorageUnavailable, match="S3 is busy"):
        next(pieces)


def test_a_read_never_mixes_an_object_with_its_replacement(
    store: S3Store, bucket: str, s3_server: S3Server
) -> None:
    store.put_many([("a", b"0123456789"), ("b", b"0123456789")])
    replaced, removed = store.read("a", chunk_size=4), store.read("b", chunk_size=4)
    assert next(replaced) == next(removed) == b"0123"

    s3_server.put(bucket, "lake/a", b"9876543210")
    s3_server.delete(bucket, "lake/b")

    with pytest.raises(ObjectUnreadable, match="changed while it was read"):
        next(replaced)
    with pytest.raises(ObjectMissing):
        next(removed)


def test_a_missing_bucket_is_not_reported_as_a_missing_object(
    faulty_s3: S3Proxy, large: Path
) -> None:
    store = S3Store("not-there", timeouts=QUICK)

    for act in (
        lambda: store.size("a"),
        lambda: next(store.read("a")),
        lambda: store.put_files([("a", large)]),
    ):
        with pytest.raises(StorageUnavailable, match="there is no such bucket"):
            act()


def test_an_upload_url_accepts_the_object(store: S3Store, bucket: str, s3_server: S3Server) -> None:
    url = store.upload_url("uploads/with space, é & +", 60)
    assert url is not None

    answer = httpx.put(url, content=b"sent straight", trust_env=False)

    assert answer.is_success
    assert "X-Amz-Expires=60&" in url
    assert s3_server.keys(bucket) == ["lake/uploads/with space, é & +"]
    assert store.get("uploads/with space, é & +") == b"sent straight"


def test_an_upload_url_is_valid_for_a_week_at_most(store: S3Store) -> None:
    assert "X-Amz-Expires=604800&" in str(store.upload_url("a", 10_000_000))


def test_an_object_in_a_bucket_has_no_local_path(store: S3Store) -> None:
    store.put_many([("a", b"x")])

    assert store.local_path("a") is None
