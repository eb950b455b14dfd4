"""S3 store against a real server, behind a proxy that injects faults."""

import os
import time
from collections.abc import Callable

import pytest

from everlake.storage import (
    ObjectMissing,
    StorageError,
    StorageFull,
    StorageUnavailable,
    open_store,
)
from everlake.storage import s3 as s3_storage
from everlake.storage.s3 import S3Store, S3Timeouts
from tests.support.s3 import PAGE_SIZE, S3Server
from tests.support.s3_proxy import Kind, S3Fault, S3Proxy
from tests.support.server import free_port

QUICK = S3Timeouts(connect=1, read=0.5, total=5, retry=2, rollback=20)
"""Short timeouts, for requests that fail in any case."""


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return s3_server.new_bucket()


@pytest.fixture
def store(faulty_s3: S3Proxy, bucket: str) -> S3Store:
    return S3Store(bucket, "lake", timeouts=S3Timeouts(read=3, retry=40, rollback=20))


@pytest.fixture
def quick(faulty_s3: S3Proxy, bucket: str) -> S3Store:
    return S3Store(bucket, "lake", timeouts=QUICK)


PASSING = [
    S3Fault("status", "PUT", status=500, code="InternalError", times=2),
    S3Fault("status", "PUT", status=503, code="SlowDown", times=2),
    S3Fault("status", "PUT", status=400, code="RequestTimeout"),
    S3Fault("status", "PUT", status=409, code="ConditionalRequestConflict"),
    S3Fault("silence", "PUT"),
    S3Fault("cut upload", "PUT"),
    S3Fault("lost answer", "PUT"),
    S3Fault("lost answer", "PUT", times=2),
]


def name_of(fault: S3Fault) -> str:
    return f"{fault.kind} {fault.code if fault.kind == 'status' else ''} {fault.times}"


def again(fault: S3Fault, times: int) -> S3Fault:
    return S3Fault(fault.kind, fault.method, fault.target, times, 0, fault.status, fault.code)


@pytest.mark.parametrize("fault", PASSING, ids=name_of)
def test_a_write_survives_temporary_faults(
    store: S3Store, faulty_s3: S3Proxy, bucket: str, s3_server: S3Server, fault: S3Fault
) -> None:
    faulty_s3.faults = [again(fault, fault.times)]

    store.put_many([("a", b"abc" * 1_000)])

    assert s3_server.keys(bucket) == ["lake/a"]
    assert s3_server.get(bucket, "lake/a") == b"abc" * 1_000
    assert faulty_s3.count("PUT") == fault.times + 1


@pytest.mark.parametrize("fault", PASSING, ids=name_of)
def test_a_write_that_a_lasting_fault_stops_leaves_no_object(
    quick: S3Store, faulty_s3: S3Proxy, bucket: str, s3_server: S3Server, fault: S3Fault
) -> None:
    lasting = again(fault, 1_000_000)
    lasting.target = "/lake/b"
    # Our own look at what is there must not tell us that it was written after all.
    faulty_s3.faults = [lasting, S3Fault("status", "GET", "/lake/b", times=1_000_000)]

    with pytest.raises(StorageUnavailable, match="storage could not write: S3 "):
        quick.put_many([("a", b"a"), ("b", b"b"), ("c", b"c")])

    assert s3_server.keys(bucket) == []


def test_a_write_that_fails_keeps_an_object_that_another_call_may_have_stored(
    quick: S3Store, store: S3Store, faulty_s3: S3Proxy, bucket: str, s3_server: S3Server
) -> None:
    store.put_many([("a", b"a")], roll_back=False)
    faulty_s3.faults = [S3Fault("silence", "PUT", "/lake/a", times=1_000_000)]

    with pytest.raises(StorageUnavailable, match="storage could not write: S3 "):
        quick.put_many([("a", b"a")], roll_back=False)

    assert s3_server.get(bucket, "lake/a") == b"a"


READS: list[tuple[str, Callable[[S3Store], object]]] = [
    ("GET", lambda store: store.get("a/1")),
    ("GET", lambda store: [one.path for one in store.list("a")]),
    ("DELETE", lambda store: store.delete("a/1")),
]


@pytest.mark.parametrize("kind", ["status", "silence", "cut answer", "lost answer"])
@pytest.mark.parametrize(("method", "act"), READS, ids=["get", "list", "delete"])
def test_reads_and_deletions_survive_temporary_faults(
    store: S3Store,
    faulty_s3: S3Proxy,
    kind: Kind,
    method: str,
    act: Callable[[S3Store], object],
) -> None:
    store.put_many([("a/1", b"x" * 10_000)])
    faulty_s3.faults = [S3Fault(kind, method)]

    assert act(store) in (b"x" * 10_000, ["a/1"], None)

    assert faulty_s3.faults[0].times == 0


@pytest.mark.parametrize("kind", ["status", "silence", "lost answer"])
@pytest.mark.parametrize(("method", "act"), READS, ids=["get", "list", "delete"])
def test_a_lost_server_is_unavailable_and_not_empty(
    quick: S3Store,
    faulty_s3: S3Proxy,
    kind: Kind,
    method: str,
    act: Callable[[S3Store], object],
) -> None:
    faulty_s3.faults = [S3Fault(kind, method, times=1_000_000)]

    with pytest.raises(StorageUnavailable, match=r"S3 (is busy|does not answer).*send again"):
        act(quick)


def test_a_listing_resumes_at_the_page_that_failed(
    store: S3Store, faulty_s3: S3Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_storage, "_LIST_PAGE", PAGE_SIZE)
    paths = [f"a/{number:03}" for number in range(3 * PAGE_SIZE - 70)]
    store.put_many([(path, b"") for path in paths])
    faulty_s3.faults = [
        S3Fault("cut answer", "GET", "list-type", after=1),
        S3Fault("status", "GET", "list-type", after=1, times=2),
    ]

    assert [one.path for one in store.list("a")] == paths
    assert all(fault.times == 0 for fault in faulty_s3.faults)


def test_another_object_at_the_path_is_not_changed(
    store: S3Store, bucket: str, s3_server: S3Server
) -> None:
    s3_server.put(bucket, "lake/b", b"somebody else's")

    with pytest.raises(StorageError, match="another object at b"):
        store.put_many([("a", b"1"), ("b", b"2"), ("c", b"3")])

    assert s3_server.keys(bucket) == ["lake/b"]
    assert s3_server.get(bucket, "lake/b") == b"somebody else's"


def test_a_conflict_with_an_object_that_is_gone_is_retried(
    store: S3Store, faulty_s3: S3Proxy, bucket: str, s3_server: S3Server
) -> None:
    faulty_s3.faults = [S3Fault("status", "PUT", status=412, code="PreconditionFailed")]

    store.put_many([("a", b"1")])

    assert s3_server.get(bucket, "lake/a") == b"1"


def test_each_object_is_one_request(store: S3Store, faulty_s3: S3Proxy, bucket: str) -> None:
    store.put_many([(f"a/{number}", b"x") for number in range(20)])

    assert faulty_s3.count("PUT") == len(faulty_s3.seen) == 20


def test_a_large_object_is_sent_in_parts(
    store: S3Store,
    faulty_s3: S3Proxy,
    bucket: str,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(s3_storage, "MULTIPART_THRESHOLD", 10_000_000)
    data = os.urandom(1_000_000) * 20
    faulty_s3.faults = [S3Fault("status", "PUT", "partNumber=2", status=500)]

    store.put_many([("a", data), ("b", b"small")])

    assert s3_server.get(bucket, "lake/a") == data == store.get("a")
    assert faulty_s3.count("PUT", "partNumber=3") >= 1
    store.put_many([("a", data)])
    with pytest.raises(StorageError, match="another object at a"):
        store.put_many([("a", data[1:])])


REFUSALS = [
    (403, "AccessDenied", StorageUnavailable, "the credentials need PutObject"),
    (403, "InvalidAccessKeyId", StorageUnavailable, "check AWS_ACCESS_KEY_ID"),
    (403, "RequestTimeTooSkewed", StorageUnavailable, "clock of this machine is wrong"),
    (400, "ExpiredToken", StorageUnavailable, "renew AWS_SESSION_TOKEN"),
    (301, "PermanentRedirect", StorageUnavailable, "set AWS_REGION"),
    (404, "NoSuchBucket", StorageUnavailable, "there is no such bucket"),
    (501, "NotImplemented", StorageUnavailable, "does not support conditional writes"),
    (507, "StorageFull", StorageFull, "free some space"),
    (400, "InvalidArgument", StorageUnavailable, "S3 answered 400 InvalidArgument"),
]


@pytest.mark.parametrize(("status", "code", "kind", "advice"), REFUSALS)
def test_a_lasting_error_is_reported_at_once_with_advice(
    store: S3Store,
    faulty_s3: S3Proxy,
    status: int,
    code: str,
    kind: type[StorageError],
    advice: str,
) -> None:
    faulty_s3.faults = [S3Fault("status", "PUT", status=status, code=code, times=1_000)]

    with pytest.raises(kind, match=advice):
        store.put_many([("a", b"1")])

    assert faulty_s3.count("PUT") == 1


def test_a_missing_bucket_is_not_reported_as_a_missing_object(faulty_s3: S3Proxy) -> None:
    store = S3Store("not-there", timeouts=QUICK)

    for act in (lambda: store.get("a"), lambda: list(store.list("a")), store.check):
        with pytest.raises(StorageUnavailable, match="there is no such bucket"):
            act()


def test_a_call_to_a_missing_server_ends_in_time(
    bucket: str, monkeypatch: pytest.MonkeyPatch, faulty_s3: S3Proxy
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    store = S3Store(bucket, timeouts=QUICK)

    with pytest.raises(StorageUnavailable, match="check that AWS_ENDPOINT_URL"):
        store.put_many([(f"a/{number}", b"x") for number in range(100)])
    with pytest.raises(StorageUnavailable, match="could not read: S3 does not answer"):
        store.get("a")


def test_a_check_says_why_a_bucket_cannot_be_used(store: S3Store, faulty_s3: S3Proxy) -> None:
    faulty_s3.faults = [S3Fault("status", "DELETE", status=403, code="AccessDenied")]

    with pytest.raises(StorageUnavailable, match=r"could not delete: .* need .*DeleteObject"):
        store.check()


def test_the_placeholder_of_an_empty_folder_is_no_object(
    store: S3Store, bucket: str, s3_server: S3Server
) -> None:
    s3_server.put(bucket, "lake/a/", b"")
    s3_server.put(bucket, "lake/a/1", b"x")

    assert [one.path for one in store.list("a")] == ["a/1"]


def test_a_store_sees_nothing_outside_its_prefix(
    store: S3Store, bucket: str, s3_server: S3Server
) -> None:
    s3_server.put(bucket, "a", b"outside")
    s3_server.put(bucket, "lakeside/a", b"outside")

    assert list(store.list("a")) == []
    with pytest.raises(ObjectMissing):
        store.get("a")


def test_a_url_without_a_prefix_is_the_whole_bucket(
    faulty_s3: S3Proxy, bucket: str, s3_server: S3Server
) -> None:
    for url in (f"s3://{bucket}", f"s3://{bucket}/"):
        store = open_store(url)
        store.put_many([("a/b", b"1")])
        assert s3_server.keys(bucket) == ["a/b"]
        assert [one.path for one in store.list("a")] == ["a/b"]
        store.delete("a/b")


def test_an_object_exists_when_its_write_returns(
    store: S3Store, bucket: str, s3_server: S3Server
) -> None:
    # One second is the resolution of the server's clock.
    before = int(time.time()) * 1000

    store.put_many([("a/1", b"x")])

    assert s3_server.get(bucket, "lake/a/1") == b"x"
    assert [one.modified_ms >= before for one in store.list("a")] == [True]
