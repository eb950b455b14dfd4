"""Contract of obstore's errors: what it raises for each response, and how it is classified.

Exception classes and the texts that are parsed are asserted too, so that an upgrade which changes
them fails here.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Literal

import obstore
import pytest
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    GenericError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store as Bucket

from everlake.storage import StorageError, StorageFull, StorageUnavailable
from everlake.storage.s3_errors import S3_ERRORS, classify, is_missing_object
from tests.support.s3 import s3_environment
from tests.support.s3_proxy import S3Fault, S3Proxy, s3_proxy
from tests.support.server import free_port

Request = Callable[[Bucket], object]


@pytest.fixture
def server() -> Iterator[S3Proxy]:
    """A server that answers as a test says."""
    with s3_proxy(free_port()) as made:
        yield made


@pytest.fixture
def bucket(server: S3Proxy, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    return open_bucket(server.url, monkeypatch)


def open_bucket(url: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in s3_environment(url).items():
        monkeypatch.setenv(name, value)
    seconds = timedelta(seconds=2)
    return Bucket(
        "bucket",
        config={"endpoint": url},
        client_options={"allow_http": True, "connect_timeout": seconds, "read_timeout": seconds},
        retry_config={"max_retries": 0, "retry_timeout": seconds},
    )


def create(bucket: Bucket) -> object:
    return obstore.put(bucket, "a", b"1", mode="create", use_multipart=False)


def get(bucket: Bucket) -> object:
    return obstore.get(bucket, "a").bytes()


def head(bucket: Bucket) -> object:
    return obstore.head(bucket, "a")


def error_of(request: Request, bucket: Bucket) -> Exception:
    with pytest.raises(S3_ERRORS) as raised:
        request(bucket)
    return raised.value


ANSWERS = [
    (400, "ExpiredToken", GenericError, False, "renew AWS_SESSION_TOKEN"),
    (400, "InvalidArgument", GenericError, False, "S3 answered 400 InvalidArgument"),
    (400, "RequestTimeout", GenericError, True, "S3 is busy"),
    (401, "Unauthorized", UnauthenticatedError, False, "S3 rejects the credentials"),
    (403, "AccessDenied", PermissionDeniedError, False, "the credentials need PutObject"),
    (403, "InvalidAccessKeyId", PermissionDeniedError, False, "the access key is unknown"),
    (403, "RequestTimeTooSkewed", PermissionDeniedError, False, "the clock of this machine"),
    (403, "SignatureDoesNotMatch", PermissionDeniedError, False, "check AWS_SECRET_ACCESS_KEY"),
    (404, "NoSuchBucket", FileNotFoundError, False, "there is no such bucket"),
    (408, "RequestTimeout", GenericError, True, "S3 is busy"),
    (409, "OperationAborted", AlreadyExistsError, True, "S3 is busy"),
    (429, "TooManyRequests", GenericError, True, "S3 is busy"),
    (500, "InternalError", GenericError, True, "S3 is busy"),
    (501, "NotImplemented", GenericError, False, "does not support conditional writes"),
    (502, "BadGateway", GenericError, True, "S3 is busy"),
    (503, "SlowDown", GenericError, True, "S3 is busy"),
    (504, "GatewayTimeout", GenericError, True, "S3 is busy"),
]


@pytest.mark.parametrize("request_", [create, get])
@pytest.mark.parametrize(("status", "code", "raised", "retryable", "advice"), ANSWERS)
def test_an_answer_is_classified_by_its_status_and_code(
    server: S3Proxy,
    bucket: Bucket,
    request_: Request,
    status: int,
    code: str,
    raised: type[Exception],
    retryable: bool,
    advice: str,
) -> None:
    for method in ("GET", "PUT"):
        server.faults.append(S3Fault("status", method, status=status, code=code))

    error = error_of(request_, bucket)

    assert type(error) is raised
    assert f"status code: {status}" in str(error)
    assert f"<Code>{code}</Code>" in str(error)
    failure = classify(error, "do it")
    assert type(failure.error) is StorageUnavailable
    assert str(failure.error).startswith("storage could not do it: ")
    assert advice in str(failure.error)
    assert failure.retryable is retryable


def test_a_full_storage_is_reported_as_full(server: S3Proxy, bucket: Bucket) -> None:
    server.faults = [S3Fault("status", "PUT", status=507, code="StorageFull")]
    error = error_of(create, bucket)
    assert "status code: 507" in str(error)
    failure = classify(error, "write")
    assert type(failure.error) is StorageFull
    assert not failure.retryable


def test_a_conflict_with_an_existing_object_is_retryable(server: S3Proxy, bucket: Bucket) -> None:
    server.faults = [S3Fault("status", "PUT", status=412, code="PreconditionFailed")]
    error = error_of(create, bucket)
    assert type(error) is AlreadyExistsError
    assert classify(error, "write").retryable


def test_a_changed_object_is_a_failed_precondition(server: S3Proxy, bucket: Bucket) -> None:
    server.faults = [S3Fault("status", "GET", status=412, code="PreconditionFailed")]
    assert type(error_of(get, bucket)) is PreconditionError


@pytest.mark.parametrize(
    ("request_", "code", "is_missing"),
    [(get, "NoSuchKey", True), (get, "NoSuchBucket", False), (head, "NoSuchBucket", True)],
)
def test_a_body_distinguishes_a_missing_object_from_a_missing_bucket(
    server: S3Proxy, bucket: Bucket, request_: Request, code: str, is_missing: bool
) -> None:
    for method in ("GET", "HEAD"):
        server.faults.append(S3Fault("status", method, status=404, code=code))
    error = error_of(request_, bucket)
    assert type(error) is FileNotFoundError
    assert is_missing_object(error) is is_missing


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "redirect without LOCATION"),
        ({"Location": "http://127.0.0.1:1/"}, "status code: 301"),
    ],
)
def test_a_redirect_says_that_the_region_is_wrong(
    server: S3Proxy, bucket: Bucket, headers: dict[str, str], text: str
) -> None:
    server.faults = [
        S3Fault("status", "PUT", status=301, code="PermanentRedirect", headers=headers)
    ]
    error = error_of(create, bucket)
    assert text in str(error)
    failure = classify(error, "write")
    assert "set AWS_REGION" in str(failure.error)
    assert not failure.retryable


def test_a_refused_connection_is_no_response(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = open_bucket(f"http://127.0.0.1:{free_port()}", monkeypatch)
    assert_no_response(error_of(create, bucket))


@pytest.mark.parametrize("kind", ["silence", "lost answer", "cut upload"])
def test_a_broken_connection_is_no_response(
    server: S3Proxy, bucket: Bucket, kind: Literal["silence", "lost answer", "cut upload"]
) -> None:
    server.faults = [S3Fault(kind, "PUT")]
    assert_no_response(error_of(create, bucket))


def assert_no_response(error: Exception) -> None:
    assert isinstance(error, BaseError)
    assert "status code" not in str(error)
    failure = classify(error, "write")
    assert type(failure.error) is StorageUnavailable
    assert "S3 does not answer" in str(failure.error)
    assert failure.retryable


def test_missing_credentials_are_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = open_bucket("http://127.0.0.1:1", monkeypatch)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    # The address at which an instance of AWS is given them; there is none here.
    bucket = Bucket(
        "bucket",
        config={"endpoint": "http://127.0.0.1:1"},
        client_options={"allow_http": True, "connect_timeout": timedelta(seconds=0.5)},
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
    )
    error = error_of(create, bucket)
    assert "169.254.169.254" in str(error)
    failure = classify(error, "write")
    assert "no credentials were found" in str(failure.error)
    assert not failure.retryable


@pytest.mark.parametrize("path", ["a//b", "a/../b"])
def test_a_path_that_s3_rejects_is_a_value_error(bucket: Bucket, path: str) -> None:
    with pytest.raises(S3_ERRORS) as raised:
        obstore.put(bucket, path, b"1", use_multipart=False)
    failure = classify(raised.value, "write")
    assert isinstance(raised.value, ValueError)
    assert type(failure.error) is StorageError
    assert "cannot store an object at this path" in str(failure.error)
    assert not failure.retryable
