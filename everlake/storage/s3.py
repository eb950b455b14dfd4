"""Object store in a bucket of S3, or of a server with the same protocol."""

import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store as Bucket

from everlake.storage.checks import check_range, path_segments
from everlake.storage.errors import StorageError, StorageUnavailable, object_missing
from everlake.storage.parallel import run_parallel
from everlake.storage.s3_errors import S3_ERRORS, is_missing_object
from everlake.storage.s3_files import MAX_CONCURRENT_PARTS, MULTIPART_THRESHOLD, PART_SIZE, S3Files
from everlake.storage.s3_options import endpoint_url
from everlake.storage.s3_retry import S3Timeouts, call_with_retries
from everlake.storage.types import DEFAULT_CHUNK_SIZE, Content, ObjectInfo

MAX_CONCURRENT_REQUESTS = 32
"""Most concurrent requests of one call."""

_PART_RETRIES = 10
_LIST_PAGE = 1_000
_PROBE_PATH = ".check"
_CHECK_TIMEOUT = 3.0
_BUCKET_NAME = re.compile(r"[A-Za-z0-9._-]{3,255}")
_TOO_SLOW = "storage could not write: S3 is too slow now: send again a little later"

if TYPE_CHECKING:
    from obstore.store import S3Config


class S3Store:
    """Object store below a prefix of a bucket. An object is written once and never replaced.

    :meth:`put_many` creates objects and fails where another one exists, which it finds out by
    comparing bytes. :meth:`put_files` is idempotent and compares sizes (:class:`S3Files`).

    Keys, token, region and endpoint come from the usual AWS environment variables.

    Args:
        bucket: its name.
        prefix: precedes every path, without slashes around it; may be empty.
        timeouts: of requests and retries; None for the defaults.
    """

    def __init__(
        self, bucket: str, prefix: str = "", *, timeouts: S3Timeouts | None = None
    ) -> None:
        self._timeouts = timeouts or S3Timeouts()
        self._bucket = _open_bucket(bucket, prefix, self._timeouts)
        # Parts of an upload can be sent again without harm, and only the library can do that.
        parts = _open_bucket(bucket, prefix, self._timeouts, retries=_PART_RETRIES)
        self._files = S3Files(self._bucket, parts, self._timeouts)
        self._probe = f"{_PROBE_PATH}-{secrets.token_hex(8)}"

    @classmethod
    def from_url(cls, url: str) -> "S3Store":
        """Open the store at ``s3://bucket/prefix``.

        Raises:
            StorageError: the URL has another form.
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

    def put_many(self, objects: Sequence[tuple[str, bytes]], *, roll_back: bool = True) -> None:
        """See :meth:`everlake.storage.store.ObjectStore.put_many`."""
        for path, _ in objects:
            path_segments(path)
        self._put_many(objects, self._deadline(), roll_back=roll_back)

    def put_files(
        self, objects: Sequence[tuple[str, Content]], *, stop: threading.Event | None = None
    ) -> None:
        """See :meth:`everlake.storage.store.ObjectStore.put_files`."""
        for path, _ in objects:
            path_segments(path)
        self._files.put(objects, stop)

    def size(self, path: str) -> int:
        """See :meth:`everlake.storage.store.ObjectStore.size`."""
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
        """See :meth:`everlake.storage.store.ObjectStore.read`."""
        path_segments(path)
        check_range(start, end, chunk_size)
        return self._files.read(path, start, end, chunk_size)

    def local_path(self, path: str) -> None:
        """See :meth:`everlake.storage.store.ObjectStore.local_path`."""
        path_segments(path)

    def upload_url(self, path: str, seconds: int) -> str | None:
        """See :meth:`everlake.storage.store.ObjectStore.upload_url`."""
        path_segments(path)
        return self._files.upload_url(path, seconds)

    def get(self, path: str) -> bytes:
        """See :meth:`everlake.storage.store.ObjectStore.get`."""
        path_segments(path)

        def read() -> bytes:
            try:
                return bytes(obstore.get(self._bucket, path).bytes())
            except FileNotFoundError as error:
                if is_missing_object(error):
                    raise object_missing(path) from error
                raise

        return call_with_retries(read, "read", deadline=self._deadline())

    def get_many(self, paths: Sequence[str]) -> Iterator[bytes]:
        """See :meth:`everlake.storage.store.ObjectStore.get_many`."""
        if len(paths) < 2:
            yield from map(self.get, paths)
            return
        # A pool instead of run_parallel, so that few objects are in memory at a time.
        with ThreadPoolExecutor(min(MAX_CONCURRENT_REQUESTS, len(paths)), "store") as pool:
            pending = deque(pool.submit(self.get, path) for path in paths[:MAX_CONCURRENT_REQUESTS])
            try:
                for path in paths[MAX_CONCURRENT_REQUESTS:]:
                    yield pending.popleft().result()
                    pending.append(pool.submit(self.get, path))
                while pending:
                    yield pending.popleft().result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See :meth:`everlake.storage.store.ObjectStore.list`."""
        path_segments(prefix)
        pages: Iterator[Sequence[obstore.ObjectMeta]] | None = None
        last: str | None = None

        def next_page() -> Sequence["obstore.ObjectMeta"]:
            nonlocal pages
            if pages is None:  # at the start, and after an error
                pages = self._bucket.list(  # pyright: ignore[reportUnknownMemberType] - another overload
                    prefix, offset=last, chunk_size=_LIST_PAGE
                )
            try:
                return next(pages, ())
            except S3_ERRORS:
                pages = None
                raise

        while page := call_with_retries(next_page, "list", deadline=self._deadline()):
            for found in page:
                if found["path"] == prefix:  # a console's placeholder for an empty folder
                    continue
                modified = int(found["last_modified"].timestamp() * 1000)
                yield ObjectInfo(found["path"], found["size"], modified)
            last = page[-1]["path"]

    def delete(self, path: str) -> None:
        """See :meth:`everlake.storage.store.ObjectStore.delete`."""
        path_segments(path)

        def remove() -> None:
            try:
                obstore.delete(self._bucket, path)
            except FileNotFoundError as error:
                if not is_missing_object(error):
                    raise

        call_with_retries(remove, "delete", deadline=self._deadline())

    def check(self) -> None:
        """See :meth:`everlake.storage.store.ObjectStore.check`."""
        deadline = time.monotonic() + _CHECK_TIMEOUT
        self._put_many([(self._probe, b"everlake")], deadline, roll_back=True)
        self.delete(self._probe)

    def _put_many(
        self, objects: Sequence[tuple[str, bytes]], deadline: float, *, roll_back: bool
    ) -> None:
        stop = threading.Event()
        started: list[str] = []
        errors: list[Exception] = []

        def put(one: tuple[str, bytes]) -> None:
            path, data = one
            if stop.is_set():
                return None
            if time.monotonic() > deadline:
                errors.append(StorageUnavailable(_TOO_SLOW))
                return stop.set()
            started.append(path)
            try:
                call_with_retries(
                    lambda: self._put(path, data), "write", deadline=deadline, stop=stop
                )
            except Exception as error:  # noqa: BLE001 - raised below, when all calls have ended
                stop.set()
                errors.append(error)
                if isinstance(error, _PathTaken):
                    started.remove(path)

        run_parallel(put, objects, MAX_CONCURRENT_REQUESTS)
        if errors:
            if roll_back:
                self._roll_back(started)
            raise errors[0]

    def _put(self, path: str, data: bytes) -> None:
        try:
            if len(data) < MULTIPART_THRESHOLD:
                obstore.put(self._bucket, path, data, mode="create", use_multipart=False)
            else:
                self._put_in_parts(path, data)
        except AlreadyExistsError:
            # It may be our own, written by an attempt whose response was lost.
            if not self._is_stored(path, data):
                raise

    def _put_in_parts(self, path: str, data: bytes) -> None:
        """Create a large object.

        obstore has no conditional multipart upload (mode "create"), so the object is looked up
        first. Two concurrent writers of one path could both succeed; they cannot exist, because
        a path contains the id of its batch, which one process generated.
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
        """Return whether the object exists and is ``data``; False where there is none.

        S3 also reports a conflict while another request for the path is in progress.

        Raises:
            _PathTaken: it is another object.
        """
        try:
            stored = obstore.get(self._bucket, path)
            if stored.meta["size"] == len(data) and bytes(stored.bytes()) == data:
                return True
        except FileNotFoundError as error:
            if not is_missing_object(error):
                raise
            return False
        raise _PathTaken(f"there is another object at {path} already; it was not changed")

    def _roll_back(self, paths: Sequence[str]) -> None:
        """Delete what may have been written, as far as time and S3 allow.

        Garbage collection deletes the rest.
        """
        deadline = time.monotonic() + self._timeouts.rollback

        def remove(path: str) -> None:
            if time.monotonic() < deadline:
                with suppress(*S3_ERRORS):
                    obstore.delete(self._bucket, path)

        run_parallel(remove, paths, MAX_CONCURRENT_REQUESTS)

    def _deadline(self) -> float:
        return time.monotonic() + self._timeouts.retry


class _PathTaken(StorageError):
    """Another object exists at the path."""


def _open_bucket(bucket: str, prefix: str, timeouts: S3Timeouts, retries: int = 0) -> Bucket:
    """Open a bucket as the AWS variables say, with path-style requests by default.

    Args:
        bucket: its name.
        prefix: of every path.
        timeouts: of requests.
        retries: of the library; 0 where :func:`call_with_retries` retries.

    Raises:
        StorageError: the configuration is not valid.
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
