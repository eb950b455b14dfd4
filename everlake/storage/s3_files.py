"""Whole files into a bucket, and objects out of it piece by piece, with constant memory."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store as Bucket

from everlake.storage.s3_errors import is_missing_object
from everlake.storage.s3_retry import S3Timeouts, call_with_retries
from everlake.storage.store import (
    Content,
    ObjectMissing,
    ObjectUnreadable,
    StorageError,
    check_same_size,
    file_size,
    missing_file_error,
    stopped_error,
)

MULTIPART_THRESHOLD = 16 * 1024 * 1024
"""Bytes from which an object is sent in parts: one request of it would take too long."""
PART_SIZE = 8 * 1024 * 1024
MAX_CONCURRENT_PARTS = 4

_SMALL_SIZE = 1024 * 1024
_SMALL_CONCURRENCY = 32
_MEDIUM_CONCURRENCY = 3
"""So few, because each is in memory as a whole."""
_MIN_BYTES_PER_SECOND = 1024 * 1024
"""How slowly a file may be sent and still be tried again."""
_MAX_SIGNATURE_SECONDS = 7 * 24 * 3600
"""For which S3 takes a signature."""

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta


class _FileUpload(NamedTuple):
    path: str
    content: Content
    size: int


class S3Files:
    """Files to and from a bucket.

    Args:
        bucket: each request to it is one try.
        parts: the same bucket, for uploads in parts; tries again each part that fails.
        patience: how long to wait for what.
    """

    def __init__(self, bucket: Bucket, parts: Bucket, timeouts: S3Timeouts) -> None:
        self._bucket = bucket
        self._parts = parts
        self._timeouts = timeouts

    def put(self, objects: Sequence[tuple[str, Content]], stop: threading.Event | None) -> None:
        """As :meth:`~everlake.storage.ObjectStore.put_files`; each file has a time of its own."""
        files = [_FileUpload(path, content, _size(path, content)) for path, content in objects]
        small = [one for one in files if one.size < _SMALL_SIZE]
        others = [one for one in files if _SMALL_SIZE <= one.size < MULTIPART_THRESHOLD]
        self._put_each(small, _SMALL_CONCURRENCY, stop)
        self._put_each(others, _MEDIUM_CONCURRENCY, stop)
        self._put_each([one for one in files if one.size >= MULTIPART_THRESHOLD], 1, stop)

    def stat(self, path: str) -> "ObjectMeta":
        """Size, ETag and more of an object."""
        return call_with_retries(partial(self._head, path), "read", deadline=self._deadline())

    def read(self, path: str, start: int, end: int | None, chunk_size: int) -> Iterator[bytes]:
        """As :meth:`~everlake.storage.ObjectStore.read`.

        Each piece is a request, tried again by itself: a slow reader breaks off none of them.
        """
        facts = self.stat(path)
        size = facts["size"]
        end = size if end is None else min(end, size)
        while start < end:
            upto = min(start + chunk_size, end)
            ask = partial(self._get_range, path, start, upto, facts["e_tag"])
            yield call_with_retries(ask, "read", deadline=self._deadline())
            start = upto

    def upload_url(self, path: str, seconds: int) -> str:
        """As :meth:`~everlake.storage.ObjectStore.upload_url`."""
        lasting = timedelta(seconds=min(seconds, _MAX_SIGNATURE_SECONDS))
        sign = partial(obstore.sign, self._bucket, "PUT", path, lasting)
        return call_with_retries(sign, "sign an upload", deadline=self._deadline())

    def _put_each(
        self, files: Sequence[_FileUpload], width: int, stop: threading.Event | None
    ) -> None:
        failed = threading.Event()
        errors: list[Exception] = []

        def put(one: _FileUpload) -> None:
            if failed.is_set():
                return
            try:
                self._put(one, failed, stop)
            except Exception as error:  # noqa: BLE001 - raised below, when all have ended
                failed.set()
                errors.append(error)

        if len(files) < 2 or width == 1:
            for one in files:
                put(one)
        else:
            with ThreadPoolExecutor(min(width, len(files)), "s3-put") as threads:
                for _ in threads.map(put, files):
                    pass
        if errors:
            raise errors[0]

    def _put(
        self, item: _FileUpload, failed: threading.Event, stop: threading.Event | None
    ) -> None:
        if stop is not None and stop.is_set():
            raise stopped_error()
        until = self._deadline() + item.size / _MIN_BYTES_PER_SECOND
        if item.size < MULTIPART_THRESHOLD:
            send = partial(self._put_whole, item.path, b"".join(_chunks(item, None)))
        else:
            send = partial(self._put_in_parts, item, stop)
        call_with_retries(send, "write", deadline=until, stop=stop or failed)

    def _put_whole(self, path: str, data: bytes) -> None:
        try:
            obstore.put(self._bucket, path, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            # Gone a moment later, or S3 refuses while another request for it is under way.
            if not self._is_stored(path, len(data)):
                raise

    def _put_in_parts(self, item: _FileUpload, stop: threading.Event | None) -> None:
        """Of two at once the last stays, which is the same; obstore aborts what has failed."""
        if not self._is_stored(item.path, item.size):
            obstore.put(
                self._parts,
                item.path,
                _chunks(item, stop),
                chunk_size=PART_SIZE,
                max_concurrency=MAX_CONCURRENT_PARTS,
            )

    def _is_stored(self, path: str, size: int) -> bool:
        """Whether the object is there.

        Raises:
            StorageError: it is, and has another size.
        """
        try:
            facts = obstore.head(self._bucket, path)
        except FileNotFoundError:
            return False
        check_same_size(path, facts["size"], size)
        return True

    def _head(self, path: str) -> "ObjectMeta":
        try:
            return obstore.head(self._bucket, path)
        except FileNotFoundError:
            # Answers to HEAD have no body to say that it is the bucket which is missing.
            try:
                return obstore.get(self._bucket, path).meta
            except FileNotFoundError as error:
                if is_missing_object(error):
                    raise _missing_error(path) from error
                raise

    def _get_range(self, path: str, start: int, end: int, e_tag: str | None) -> bytes:
        options: GetOptions = {"range": (start, end)}
        if e_tag is not None:
            options["if_match"] = e_tag
        try:
            data = bytes(obstore.get(self._bucket, path, options=options).bytes())
        except FileNotFoundError as error:
            if is_missing_object(error):
                raise _missing_error(path) from error
            raise
        except PreconditionError as error:
            raise _changed_error(path) from error
        if len(data) != end - start:
            raise _changed_error(path)
        return data

    def _deadline(self) -> float:
        return time.monotonic() + self._timeouts.retry


def _size(path: str, content: Content) -> int:
    if isinstance(content, bytes):
        return len(content)
    size = file_size(path, content)
    if size is None:
        raise missing_file_error(path)
    return size


def _chunks(one: _FileUpload, stop: threading.Event | None) -> Iterator[bytes]:
    """The bytes; of a file as many as it had when it was looked at."""
    if isinstance(one.content, bytes):
        yield one.content
        return
    left = one.size
    try:
        with one.content.open("rb", buffering=0) as file:
            while left and (piece := file.read(min(PART_SIZE, left))):
                if stop is not None and stop.is_set():
                    raise stopped_error()
                left -= len(piece)
                yield piece
    except OSError as error:
        raise StorageError(f"the file for {one.path} cannot be read: {error.strerror}") from error
    if left:
        raise StorageError(f"the file for {one.path} was cut short while it was read")


def _missing_error(path: str) -> ObjectMissing:
    return ObjectMissing(f"there is no object at {path}")


def _changed_error(path: str) -> ObjectUnreadable:
    return ObjectUnreadable(f"storage could not read: {path} changed while it was read")
