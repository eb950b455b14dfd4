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

from everlake.storage.s3_faults import FAILURES, is_missing_object
from everlake.storage.s3_files import LARGE, PART, PARTS_AT_ONCE, Files
from everlake.storage.s3_options import endpoint
from everlake.storage.s3_tries import Patience, retried
from everlake.storage.store import (
    PIECE,
    Content,
    ObjectInfo,
    ObjectMissing,
    StorageError,
    StorageUnavailable,
    check_range,
    segments,
)

PARALLEL = 32
"""Requests that one call has under way at the most."""

_PART_RETRIES = 10
_PAGE = 1_000
_PROBE = ".check"
_CHECK_SECONDS = 3.0
_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")
_SLOW = "storage could not write: S3 is too slow now: send again a little later"

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

    def __init__(self, bucket: str, prefix: str = "", *, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._bucket = _open(bucket, prefix, self._patience)
        # Parts of an upload may be sent again without a thought, and only the library can do it.
        parts = _open(bucket, prefix, self._patience, retries=_PART_RETRIES)
        self._files = Files(self._bucket, parts, self._patience)
        self._probe = f"{_PROBE}-{secrets.token_hex(8)}"

    @classmethod
    def of_url(cls, url: str) -> "S3Store":
        """The store at ``s3://bucket/prefix``.

        Raises:
            StorageError: it is not such a URL.
        """
        parts = urlsplit(url)
        prefix = parts.path.strip("/")
        if not _BUCKET.fullmatch(parts.netloc) or parts.query or parts.fragment:
            raise StorageError(
                "the storage URL names no bucket: use s3://bucket/prefix and nothing more; keys, "
                "region and endpoint are AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL, ..."
            )
        if prefix:
            segments(prefix)
        return cls(parts.netloc, prefix)

    def put_many(self, objects: Sequence[tuple[str, bytes]]) -> None:
        for path, _ in objects:
            segments(path)
        self._put_many(objects, self._until())

    def put_files(
        self, objects: Sequence[tuple[str, Content]], *, stop: threading.Event | None = None
    ) -> None:
        for path, _ in objects:
            segments(path)
        self._files.put(objects, stop)

    def size(self, path: str) -> int:
        segments(path)
        return self._files.facts(path)["size"]

    def read(
        self, path: str, start: int = 0, end: int | None = None, *, piece: int = PIECE
    ) -> Iterator[bytes]:
        segments(path)
        check_range(start, end, piece)
        return self._files.read(path, start, end, piece)

    def local_path(self, path: str) -> None:
        segments(path)

    def upload_url(self, path: str, seconds: int) -> str | None:
        segments(path)
        return self._files.upload_url(path, seconds)

    def get(self, path: str) -> bytes:
        segments(path)

        def read() -> bytes:
            try:
                return bytes(obstore.get(self._bucket, path).bytes())
            except FileNotFoundError as error:
                if is_missing_object(error):
                    raise ObjectMissing(f"there is no object at {path}") from error
                raise

        return retried(read, "read", until=self._until())

    def get_many(self, paths: Sequence[str]) -> Iterator[bytes]:
        if len(paths) < 2:
            yield from map(self.get, paths)
            return
        with ThreadPoolExecutor(min(PARALLEL, len(paths)), "s3-get") as threads:
            coming = deque(threads.submit(self.get, path) for path in paths[:PARALLEL])
            try:
                for path in paths[PARALLEL:]:
                    yield coming.popleft().result()
                    coming.append(threads.submit(self.get, path))
                while coming:
                    yield coming.popleft().result()
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        segments(prefix)
        pages: Iterator[Sequence[obstore.ObjectMeta]] | None = None
        last: str | None = None

        def next_page() -> Sequence["obstore.ObjectMeta"]:
            nonlocal pages
            if pages is None:  # at first, and after a page that failed
                pages = self._bucket.list(  # pyright: ignore[reportUnknownMemberType] - its other form
                    prefix, offset=last, chunk_size=_PAGE
                )
            try:
                return next(pages, ())
            except FAILURES:
                pages = None
                raise

        while page := retried(next_page, "list", until=self._until()):
            for found in page:
                if found["path"] == prefix:  # a console's mark for an empty folder
                    continue
                modified = int(found["last_modified"].timestamp() * 1000)
                yield ObjectInfo(found["path"], found["size"], modified)
            last = page[-1]["path"]

    def delete(self, path: str) -> None:
        segments(path)

        def remove() -> None:
            try:
                obstore.delete(self._bucket, path)
            except FileNotFoundError as error:
                if not is_missing_object(error):
                    raise

        retried(remove, "delete", until=self._until())

    def check(self) -> None:
        self._put_many([(self._probe, b"everlake")], time.monotonic() + _CHECK_SECONDS)
        self.delete(self._probe)

    def _put_many(self, objects: Sequence[tuple[str, bytes]], until: float) -> None:
        stop = threading.Event()
        begun: list[str] = []
        errors: list[Exception] = []

        def put(one: tuple[str, bytes]) -> None:
            path, data = one
            if stop.is_set():
                return None
            if time.monotonic() > until:
                errors.append(StorageUnavailable(_SLOW))
                return stop.set()
            begun.append(path)
            try:
                retried(lambda: self._put(path, data), "write", until=until, stop=stop)
            except Exception as error:  # noqa: BLE001 - raised below, when all have ended
                stop.set()
                errors.append(error)
                if isinstance(error, _Taken):
                    begun.remove(path)

        _each(put, objects)
        if errors:
            self._undo(begun)
            raise errors[0]

    def _put(self, path: str, data: bytes) -> None:
        try:
            if len(data) < LARGE:
                obstore.put(self._bucket, path, data, mode="create", use_multipart=False)
            else:
                self._put_in_parts(path, data)
        except AlreadyExistsError:
            # It may be our own, of a try whose answer was lost.
            if not self._is_there(path, data):
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
        obstore.put(self._bucket, path, data, chunk_size=PART, max_concurrency=PARTS_AT_ONCE)

    def _is_there(self, path: str, data: bytes) -> bool:
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
        raise _Taken(f"another object lies at {path}, and is left as it is")

    def _undo(self, paths: Sequence[str]) -> None:
        """Delete what may have been written, as far as time and S3 allow; a sweep does the rest."""
        until = time.monotonic() + self._patience.undo

        def remove(path: str) -> None:
            if time.monotonic() < until:
                with suppress(*FAILURES):
                    obstore.delete(self._bucket, path)

        _each(remove, paths)

    def _until(self) -> float:
        return time.monotonic() + self._patience.tries


class _Taken(StorageError):
    """Somebody else's object lies at the path."""


def _each(act: Callable[[_T], None], items: Sequence[_T]) -> None:
    """Several at once; one alone needs no thread."""
    if len(items) == 1:
        act(items[0])
    elif items:
        with ThreadPoolExecutor(min(PARALLEL, len(items)), "s3") as threads:
            for _ in threads.map(act, items):
                pass


def _open(bucket: str, prefix: str, patience: Patience, retries: int = 0) -> Bucket:
    """The bucket, by the usual AWS variables; path style unless they say otherwise.

    Trying whole objects again is not the library's business: it would take no account of our
    time, and would not know its own writes again.
    """
    url = endpoint()
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
                "connect_timeout": timedelta(seconds=patience.connect),
                "read_timeout": timedelta(seconds=patience.silence),
                "timeout": timedelta(seconds=patience.answer),
            },
            retry_config={
                "max_retries": retries,
                "retry_timeout": timedelta(seconds=patience.tries),
            },
        )
    except FAILURES as error:
        reason = str(error).split("\n", 1)[0]
        raise StorageError(f"storage in S3 cannot be opened: {reason}") from error
