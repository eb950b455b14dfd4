"""Objects in a bucket of S3, or of a server that speaks its protocol."""

import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store as Bucket

from everlake.storage.s3_errors import S3_ERRORS, is_missing_object
from everlake.storage.s3_files import MAX_CONCURRENT_PARTS, MULTIPART_THRESHOLD, PART_SIZE, S3Files
from everlake.storage.s3_options import endpoint_url
from everlake.storage.s3_retry import S3Timeouts, call_with_retries
from everlake.storage.store import (
    DEFAULT_CHUNK_SIZE,
    Content,
    ObjectInfo,
    ObjectMissing,
    StorageError,
    StorageUnavailable,
    check_range,
    path_segments,
)

MAX_CONCURRENT_REQUESTS = 32
"""Requests that one call has under way at the most."""

_PART_RETRIES = 10
_LIST_PAGE = 1_000
_PROBE_PATH = ".check"
_CHECK_TIMEOUT = 3.0
_BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{3,255}")
_TOO_SLOW = "storage could not write: S3 is too slow now: send again a little later"

if TYPE_CHECKING:
    from obstore.store import S3Config

_T = TypeVar("_T")


class S3Store:
    """A prefix in a bucket. An object is written once and never replaced.

    Everything else comes from the usual AWS variables: keys, token, region, endpoint.

    Args:
        bucket: its name.
        prefix: what comes before every path, without slashes around it; may be empty.
        patience: how long to wait for what.
    """

    def __init__(
        self, bucket: str, prefix: str = "", *, timeouts: S3Timeouts | None = None
    ) -> None:
        self._timeouts = timeouts or S3Timeouts()
        self._bucket = _open_bucket(bucket, prefix, self._timeouts)
        # Parts of an upload may be sent again without a thought, and only the library can do it.
        parts = _open_bucket(bucket, prefix, self._timeouts, retries=_PART_RETRIES)
        self._files = S3Files(self._bucket, parts, self._timeouts)
        self._probe = f"{_PROBE_PATH}-{secrets.token_hex(8)}"

    @classmethod
    def from_url(cls, url: str) -> "S3Store":
        """The store at ``s3://bucket/prefix``.

        Raises:
            StorageError: it is not such a URL.
        """
        parts = urlsplit(url)
        prefix = parts.path.strip("/")
        if not _BUCKET_NAME.fullmatch(parts.netloc) or parts.query or parts.fragment:
            raise StorageError(
                "the storage URL names no bucket: use s3://bucket/prefix and nothing more; keys, "
                "region and endpoint are AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL, ..."
            )
        if prefix:
            path_segments(prefix)
        return cls(parts.netloc, prefix)

    def put_many(self, objects: Sequence[tuple[str, bytes]]) -> None:
        for path, _ in objects:
            path_segments(path)
        self._put_many(objects, self._deadline())

    def put_files(
        self, objects: Sequence[tuple[str, Content]], *, stop: threading.Event | None = None
    ) -> None:
        for path, _ in objects:
            path_segments(path)
        self._files.put(objects, stop)

    def size(self, path: str) -> int:
        path_segments(path)
        return self._files.stat(path)["size"]

    def read(
        self,
        path: str,
        start: int = 0,
        end: int | None = None,
        *,
        chunk_size: int = DEFAULT_CHUNK_SIZE,
    ) -> Iterator[bytes]:
        path_segments(path)
        check_range(start, end, chunk_size)
        return self._files.read(path, start, end, chunk_size)

    def local_path(self, path: str) -> None:
        path_segments(path)

    def upload_url(self, path: str, seconds: int) -> str | None:
        path_segments(path)
        return self._files.upload_url(path, seconds)

    def get(self, path: str) -> bytes:
        path_segments(path)

        def read() -> bytes:
            try:
                return bytes(obstore.get(self._bucket, path).bytes())
            except FileNotFoundError as error:
                if is_missing_object(error):
                    raise ObjectMissing(f"there is no object at {path}") from error
                raise

        return call_with_retries(read, "read", deadline=self._deadline())

    def get_many(self, paths: Sequence[str]) -> Iterator[bytes]:
        if len(paths) < 2:
            yield from map(self.get, paths)
            return
        with ThreadPoolExecutor(min(MAX_CONCURRENT_REQUESTS, len(paths)), "s3-get") as threads:
            coming = deque(
                threads.submit(self.get, path) for path in paths[:MAX_CONCURRENT_REQUESTS]
            )
            try:
                for path in paths[MAX_CONCURRENT_REQUESTS:]:
                    yield coming.popleft().result()
                    coming.append(threads.submit(self.get, path))
                while coming:
                    yield coming.popleft().result()
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        path_segments(prefix)
        pages: Iterator[Sequence[obstore.ObjectMeta]] | None = None
        last: str | None = None

        def next_page() -> Sequence["obstore.ObjectMeta"]:
            nonlocal pages
            if pages is None:  # at first, and after a page that failed
                pages = self._bucket.list(  # pyright: ignore[reportUnknownMemberType] - its other form
                    prefix, offset=last, chunk_size=_LIST_PAGE
                )
            try:
                return next(pages, ())
            except S3_ERRORS:
                pages = None
                raise

        while page := call_with_retries(next_page, "list", deadline=self._deadline()):
            for found in page:
                if found["path"] == prefix:  # a console's mark for an empty folder
                    continue
                modified = int(found["last_modified"].timestamp() * 1000)
                yield ObjectInfo(found["path"], found["size"], modified)
            last = page[-1]["path"]

    def delete(self, path: str) -> None:
        path_segments(path)

        def remove() -> None:
            try:
                obstore.delete(self._bucket, path)
            except FileNotFoundError as error:
                if not is_missing_object(error):
                    raise

        call_with_retries(remove, "delete", deadline=self._deadline())

    def check(self) -> None:
        self._put_many([(self._probe, b"everlake")], time.monotonic() + _CHECK_TIMEOUT)
        self.delete(self._probe)

    def _put_many(self, objects: Sequence[tuple[str, bytes]], deadline: float) -> None:
        stop = threading.Event()
        begun: list[str] = []
        errors: list[Exception] = []

        def put(one: tuple[str, bytes]) -> None:
            path, data = one
            if stop.is_set():
                return None
            if time.monotonic() > deadline:
                errors.append(StorageUnavailable(_TOO_SLOW))
                return stop.set()
            begun.append(path)
            try:
                call_with_retries(
                    lambda: self._put(path, data), "write", deadline=deadline, stop=stop
                )
            except Exception as error:  # noqa: BLE001 - raised below, when all have ended
                stop.set()
                errors.append(error)
                if isinstance(error, _PathTaken):
                    begun.remove(path)

        _run_parallel(put, objects)
        if errors:
            self._roll_back(begun)
            raise errors[0]

    def _put(self, path: str, data: bytes) -> None:
        try:
            if len(data) < MULTIPART_THRESHOLD:
                obstore.put(self._bucket, path, data, mode="create", use_multipart=False)
            else:
                self._put_in_parts(path, data)
        except AlreadyExistsError:
            # It may be our own, of a try whose answer was lost.
            if not self._is_stored(path, data):
                raise

    def _put_in_parts(self, path: str, data: bytes) -> None:
        """Look first: obstore makes no upload in parts that has a condition (mode "create").

        Two who write the same path at the same moment may both think that they were first. That
        a path has the id of its batch, which one process made, is what keeps it from happening.
        """
        try:
            obstore.head(self._bucket, path)
        except FileNotFoundError as error:
            if not is_missing_object(error):
                raise
        else:
            raise AlreadyExistsError(path)
        obstore.put(
            self._bucket, path, data, chunk_size=PART_SIZE, max_concurrency=MAX_CONCURRENT_PARTS
        )

    def _is_stored(self, path: str, data: bytes) -> bool:
        """Whether the object is there and is ``data``; False where there is none.

        S3 also refuses with a conflict while another request for the path is under way.

        Raises:
            _Taken: it is another.
        """
        try:
            there = obstore.get(self._bucket, path)
            if there.meta["size"] == len(data) and bytes(there.bytes()) == data:
                return True
        except FileNotFoundError as error:
            if not is_missing_object(error):
                raise
            return False
        raise _PathTaken(f"another object lies at {path}, and is left as it is")

    def _roll_back(self, paths: Sequence[str]) -> None:
        """Delete what may have been written, as far as time and S3 allow; a sweep does the rest."""
        until = time.monotonic() + self._timeouts.rollback

        def remove(path: str) -> None:
            if time.monotonic() < until:
                with suppress(*S3_ERRORS):
                    obstore.delete(self._bucket, path)

        _run_parallel(remove, paths)

    def _deadline(self) -> float:
        return time.monotonic() + self._timeouts.retry


class _PathTaken(StorageError):
    """Somebody else's object lies at the path."""


def _run_parallel(action: Callable[[_T], None], items: Sequence[_T]) -> None:
    """Several at once; one alone needs no thread."""
    if len(items) == 1:
        action(items[0])
    elif items:
        with ThreadPoolExecutor(min(MAX_CONCURRENT_REQUESTS, len(items)), "s3") as threads:
            for _ in threads.map(action, items):
                pass


def _open_bucket(bucket: str, prefix: str, timeouts: S3Timeouts, retries: int = 0) -> Bucket:
    """The bucket, by the usual AWS variables; path style unless they say otherwise.

    Trying whole objects again is not the library's business: it would take no account of our
    time, and would not know its own writes again.
    """
    url = endpoint_url()
    config: S3Config = {"disable_bulk_delete": True}
    if url:
        config["endpoint"] = url
    try:
        return Bucket(
            bucket,
            prefix=prefix or None,
            config=config,
            client_options={
                "allow_http": bool(url and url.startswith("http://")),
                "connect_timeout": timedelta(seconds=timeouts.connect),
                "read_timeout": timedelta(seconds=timeouts.read),
                "timeout": timedelta(seconds=timeouts.total),
            },
            retry_config={
                "max_retries": retries,
                "retry_timeout": timedelta(seconds=timeouts.retry),
            },
        )
    except S3_ERRORS as error:
        reason = str(error).split("\n", 1)[0]
        raise StorageError(f"storage in S3 cannot be opened: {reason}") from error
