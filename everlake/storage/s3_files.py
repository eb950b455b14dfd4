"""Import of files into S3, and chunked reads of objects, with constant memory."""

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store as Bucket

from everlake.storage.checks import check_same_size, file_size
from everlake.storage.errors import (
    StorageError,
    file_missing,
    object_changed,
    object_missing,
    stopped,
)
from everlake.storage.parallel import run_parallel
from everlake.storage.s3_errors import is_missing_object
from everlake.storage.s3_retry import S3Timeouts, call_with_retries
from everlake.storage.types import Content

MULTIPART_THRESHOLD = 16 * 1024 * 1024
"""Bytes from which an object is sent in parts, because one request would take too long."""
PART_SIZE = 8 * 1024 * 1024
MAX_CONCURRENT_PARTS = 4

_SMALL_SIZE = 1024 * 1024
_SMALL_CONCURRENCY = 32
_MEDIUM_CONCURRENCY = 3
"""Few, because each of these files is in memory as a whole."""
_MIN_BYTES_PER_SECOND = 1024 * 1024
"""Transfer rate for which the deadline of a file's retries allows."""
_MAX_SIGNATURE_SECONDS = 7 * 24 * 3600
"""Longest validity of a signed URL in S3."""

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta


class _FileUpload(NamedTuple):
    path: str
    content: Content
    size: int


class S3Files:
    """File imports and chunked reads of one bucket.

    An import is idempotent: an object of the same size at its path is the same one. See
    :class:`~everlake.storage.s3.S3Store` for writes that must create an object, and compare bytes.

    Args:
        bucket: requests to it are not retried by the library.
        parts: the same bucket, for multipart uploads; the library retries each part.
        timeouts: of requests and retries.
    """

    def __init__(self, bucket: Bucket, parts: Bucket, timeouts: S3Timeouts) -> None:
        self._bucket = bucket
        self._parts = parts
        self._timeouts = timeouts

    def put(self, objects: Sequence[tuple[str, Content]], stop: threading.Event | None) -> None:
        """Import files; see :meth:`~everlake.storage.ObjectStore.put_files`.

        Each file has a deadline of its own.
        """
        files = [_FileUpload(path, content, _size(path, content)) for path, content in objects]
        small = [one for one in files if one.size < _SMALL_SIZE]
        others = [one for one in files if _SMALL_SIZE <= one.size < MULTIPART_THRESHOLD]
        self._put_each(small, _SMALL_CONCURRENCY, stop)
        self._put_each(others, _MEDIUM_CONCURRENCY, stop)
        self._put_each([one for one in files if one.size >= MULTIPART_THRESHOLD], 1, stop)

    def stat(self, path: str) -> "ObjectMeta":
        """Return the metadata of an object: size, ETag and more."""
        return call_with_retries(partial(self._head, path), "read", deadline=self._deadline())

    def read(self, path: str, start: int, end: int | None, chunk_size: int) -> Iterator[bytes]:
        """Yield an object in chunks; see :meth:`~everlake.storage.ObjectStore.read`.

        Each chunk is a request with its own retries, so that a slow consumer interrupts none.
        """
        meta = self.stat(path)
        size = meta["size"]
        end = size if end is None else min(end, size)
        while start < end:
            chunk_end = min(start + chunk_size, end)
            get = partial(self._get_range, path, start, chunk_end, meta["e_tag"])
            yield call_with_retries(get, "read", deadline=self._deadline())
            start = chunk_end

    def upload_url(self, path: str, seconds: int) -> str:
        """Return a signed URL; see :meth:`~everlake.storage.ObjectStore.upload_url`."""
        validity = timedelta(seconds=min(seconds, _MAX_SIGNATURE_SECONDS))
        sign = partial(obstore.sign, self._bucket, "PUT", path, validity)
        return call_with_retries(sign, "sign an upload", deadline=self._deadline())

    def _put_each(
        self, files: Sequence[_FileUpload], max_threads: int, stop: threading.Event | None
    ) -> None:
        failed = threading.Event()
        errors: list[Exception] = []

        def put(one: _FileUpload) -> None:
            if failed.is_set():
                return
            try:
                self._put(one, failed, stop)
            except Exception as error:  # noqa: BLE001 - raised below, when all calls have ended
                failed.set()
                errors.append(error)

        run_parallel(put, files, max_threads)
        if errors:
            raise errors[0]

    def _put(
        self, item: _FileUpload, failed: threading.Event, stop: threading.Event | None
    ) -> None:
        if stop is not None and stop.is_set():
            raise stopped()
        deadline = self._deadline() + item.size / _MIN_BYTES_PER_SECOND
        if item.size < MULTIPART_THRESHOLD:
            send = partial(self._put_whole, item.path, b"".join(_chunks(item, None)))
        else:
            send = partial(self._put_in_parts, item, stop)
        call_with_retries(send, "write", deadline=deadline, stop=stop or failed)

    def _put_whole(self, path: str, data: bytes) -> None:
        try:
            obstore.put(self._bucket, path, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            # It was deleted a moment later, or S3 rejects a write concurrent with another one.
            if not self._is_stored(path, len(data)):
                raise

    def _put_in_parts(self, item: _FileUpload, stop: threading.Event | None) -> None:
        """Send a large file. Of concurrent uploads the last one stays, and all are equal.

        obstore aborts an upload that fails.
        """
        if not self._is_stored(item.path, item.size):
            obstore.put(
                self._parts,
                item.path,
                _chunks(item, stop),
                chunk_size=PART_SIZE,
                max_concurrency=MAX_CONCURRENT_PARTS,
            )

    def _is_stored(self, path: str, size: int) -> bool:
        """Return whether the object exists.

        Raises:
            StorageError: it exists with another size.
        """
        try:
            meta = obstore.head(self._bucket, path)
        except FileNotFoundError:
            return False
        check_same_size(path, meta["size"], size)
        return True

    def _head(self, path: str) -> "ObjectMeta":
        try:
            return obstore.head(self._bucket, path)
        except FileNotFoundError:
            # The response to HEAD has no body, which tells a missing bucket from an object.
            try:
                return obstore.get(self._bucket, path).meta
            except FileNotFoundError as error:
                if is_missing_object(error):
                    raise object_missing(path) from error
                raise

    def _get_range(self, path: str, start: int, end: int, e_tag: str | None) -> bytes:
        options: GetOptions = {"range": (start, end)}
        if e_tag is not None:
            options["if_match"] = e_tag
        try:
            data = bytes(obstore.get(self._bucket, path, options=options).bytes())
        except FileNotFoundError as error:
            if is_missing_object(error):
                raise object_missing(path) from error
            raise
        except PreconditionError as error:
            raise object_changed(path) from error
        if len(data) != end - start:
            raise object_changed(path)
        return data

    def _deadline(self) -> float:
        return time.monotonic() + self._timeouts.retry


def _size(path: str, content: Content) -> int:
    if isinstance(content, bytes):
        return len(content)
    size = file_size(path, content)
    if size is None:
        raise file_missing(path)
    return size


def _chunks(item: _FileUpload, stop: threading.Event | None) -> Iterator[bytes]:
    """Yield the content; of a file as many bytes as its size was."""
    if isinstance(item.content, bytes):
        yield item.content
        return
    left = item.size
    try:
        with item.content.open("rb", buffering=0) as file:
            while left and (chunk := file.read(min(PART_SIZE, left))):
                if stop is not None and stop.is_set():
                    raise stopped()
                left -= len(chunk)
                yield chunk
    except OSError as error:
        raise StorageError(f"the file for {item.path} cannot be read: {error.strerror}") from error
    if left:
        raise StorageError(f"the file for {item.path} was truncated while it was read")
