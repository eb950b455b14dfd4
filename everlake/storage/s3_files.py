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

from everlake.storage.s3_faults import is_missing_object
from everlake.storage.s3_tries import Patience, retried
from everlake.storage.store import (
    Content,
    ObjectMissing,
    ObjectUnreadable,
    StorageError,
    check_same_size,
    no_file,
    size_of_file,
    stopped,
)

LARGE = 16 * 1024 * 1024
"""Bytes from which an object is sent in parts: one request of it would take too long."""
PART = 8 * 1024 * 1024
PARTS_AT_ONCE = 4

_SMALL = 1024 * 1024
_SMALL_AT_ONCE = 32
_OTHERS_AT_ONCE = 3
"""So few, because each is in memory as a whole."""
_BYTES_A_SECOND = 1024 * 1024
"""How slowly a file may be sent and still be tried again."""
_LONGEST_SECONDS = 7 * 24 * 3600
"""For which S3 takes a signature."""

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta


class _Given(NamedTuple):
    path: str
    content: Content
    size: int


class Files:
    """Files to and from a bucket.

    Args:
        bucket: each request to it is one try.
        parts: the same bucket, for uploads in parts; tries again each part that fails.
        patience: how long to wait for what.
    """

    def __init__(self, bucket: Bucket, parts: Bucket, patience: Patience) -> None:
        self._bucket = bucket
        self._parts = parts
        self._patience = patience

    def put(self, objects: Sequence[tuple[str, Content]], stop: threading.Event | None) -> None:
        """As :meth:`~everlake.storage.ObjectStore.put_files`; each file has a time of its own."""
        files = [_Given(path, content, _size(path, content)) for path, content in objects]
        small = [one for one in files if one.size < _SMALL]
        others = [one for one in files if _SMALL <= one.size < LARGE]
        self._put_each(small, _SMALL_AT_ONCE, stop)
        self._put_each(others, _OTHERS_AT_ONCE, stop)
        self._put_each([one for one in files if one.size >= LARGE], 1, stop)

    def facts(self, path: str) -> "ObjectMeta":
        """Size, ETag and more of an object."""
        return retried(partial(self._look, path), "read", until=self._until())

    def read(self, path: str, start: int, end: int | None, piece: int) -> Iterator[bytes]:
        """As :meth:`~everlake.storage.ObjectStore.read`.

        Each piece is a request, tried again by itself: a slow reader breaks off none of them.
        """
        facts = self.facts(path)
        size = facts["size"]
        end = size if end is None else min(end, size)
        while start < end:
            upto = min(start + piece, end)
            ask = partial(self._range, path, start, upto, facts["e_tag"])
            yield retried(ask, "read", until=self._until())
            start = upto

    def upload_url(self, path: str, seconds: int) -> str:
        """As :meth:`~everlake.storage.ObjectStore.upload_url`."""
        lasting = timedelta(seconds=min(seconds, _LONGEST_SECONDS))
        sign = partial(obstore.sign, self._bucket, "PUT", path, lasting)
        return retried(sign, "sign an upload", until=self._until())

    def _put_each(self, files: Sequence[_Given], width: int, stop: threading.Event | None) -> None:
        failed = threading.Event()
        errors: list[Exception] = []

        def put(one: _Given) -> None:
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

    def _put(self, one: _Given, failed: threading.Event, stop: threading.Event | None) -> None:
        if stop is not None and stop.is_set():
            raise stopped()
        until = self._until() + one.size / _BYTES_A_SECOND
        if one.size < LARGE:
            send = partial(self._put_whole, one.path, b"".join(_pieces(one, None)))
        else:
            send = partial(self._put_in_parts, one, stop)
        retried(send, "write", until=until, stop=stop or failed)

    def _put_whole(self, path: str, data: bytes) -> None:
        try:
            obstore.put(self._bucket, path, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            # Gone a moment later, or S3 refuses while another request for it is under way.
            if not self._is_there(path, len(data)):
                raise

    def _put_in_parts(self, one: _Given, stop: threading.Event | None) -> None:
        """Of two at once the last stays, which is the same; obstore aborts what has failed."""
        if not self._is_there(one.path, one.size):
            obstore.put(
                self._parts,
                one.path,
                _pieces(one, stop),
                chunk_size=PART,
                max_concurrency=PARTS_AT_ONCE,
            )

    def _is_there(self, path: str, size: int) -> bool:
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

    def _look(self, path: str) -> "ObjectMeta":
        try:
            return obstore.head(self._bucket, path)
        except FileNotFoundError:
            # Answers to HEAD have no body to say that it is the bucket which is missing.
            try:
                return obstore.get(self._bucket, path).meta
            except FileNotFoundError as error:
                if is_missing_object(error):
                    raise _missing(path) from error
                raise

    def _range(self, path: str, start: int, end: int, e_tag: str | None) -> bytes:
        options: GetOptions = {"range": (start, end)}
        if e_tag is not None:
            options["if_match"] = e_tag
        try:
            data = bytes(obstore.get(self._bucket, path, options=options).bytes())
        except FileNotFoundError as error:
            if is_missing_object(error):
                raise _missing(path) from error
            raise
        except PreconditionError as error:
            raise _changed(path) from error
        if len(data) != end - start:
            raise _changed(path)
        return data

    def _until(self) -> float:
        return time.monotonic() + self._patience.tries


def _size(path: str, content: Content) -> int:
    if isinstance(content, bytes):
        return len(content)
    size = size_of_file(path, content)
    if size is None:
        raise no_file(path)
    return size


def _pieces(one: _Given, stop: threading.Event | None) -> Iterator[bytes]:
    """The bytes; of a file as many as it had when it was looked at."""
    if isinstance(one.content, bytes):
        yield one.content
        return
    left = one.size
    try:
        with one.content.open("rb", buffering=0) as file:
            while left and (piece := file.read(min(PART, left))):
                if stop is not None and stop.is_set():
                    raise stopped()
                left -= len(piece)
                yield piece
    except OSError as error:
        raise StorageError(f"the file for {one.path} cannot be read: {error.strerror}") from error
    if left:
        raise StorageError(f"the file for {one.path} was cut short while it was read")


def _missing(path: str) -> ObjectMissing:
    return ObjectMissing(f"there is no object at {path}")


def _changed(path: str) -> ObjectUnreadable:
    return ObjectUnreadable(f"storage could not read: {path} changed while it was read")
