"""What every object store does, and how one is opened from its URL."""

import stat
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import unquote, urlsplit

import msgspec

DEFAULT_CHUNK_SIZE = 4 * 1024 * 1024
"""Bytes of a piece that is read of an object, unless told otherwise."""

Content: TypeAlias = Path | bytes
"""A whole object to be: a file, or what is in memory because it is small."""


class StorageError(Exception):
    """Storage could not do what was asked; the message says what to do."""


class StorageUnavailable(StorageError):
    """Storage is away or refuses; the same call may go through later."""


class StorageFull(StorageUnavailable):
    """There is no room left."""


class ObjectMissing(StorageError):
    """There is no object at that path."""


class ObjectUnreadable(StorageUnavailable):
    """This object could not be read, and others may be; storage as such is there."""


class ObjectInfo(msgspec.Struct, frozen=True):
    """One listed object: its path, size in bytes, and last change in Unix milliseconds."""

    path: str
    size: int
    modified_ms: int


class ObjectStore(Protocol):
    """Objects under slash-separated relative paths."""

    def put_many(self, objects: Sequence[tuple[str, bytes]]) -> None:
        """Write whole objects; when this returns they survive the loss of power.

        On an error none of them is left under its path. A reader never sees half an object.

        Raises:
            StorageFull: no room.
            StorageUnavailable: anything else that may pass.
        """
        ...

    def put_files(
        self, objects: Sequence[tuple[str, Content]], *, stop: threading.Event | None = None
    ) -> None:
        """Take in whole files, and small contents, under paths that are derived from them.

        When this returns they survive the loss of power. An object that is already at a path is
        left as it is: it is the same. On an error some may have been taken in, each of them whole,
        and the same call may be made again. Memory does not grow with the files.

        Args:
            objects: paths, each with content of its own. A file may be moved away or left; one
                that is moved keeps its owner and mode. One whose sync fails is removed, since what
                the disk has of it is not known, and a further sync would not tell (fsync(2)).
            stop: when set, the call ends soon.

        Raises:
            StorageFull: no room.
            StorageUnavailable: anything else that may pass, or ``stop`` was set.
            StorageError: a file cannot be read, or the object at its path has another size.
        """
        ...

    def size(self, path: str) -> int:
        """The bytes that an object has.

        Raises:
            StorageError: as :meth:`get`.
        """
        ...

    def read(
        self,
        path: str,
        start: int = 0,
        end: int | None = None,
        *,
        chunk_size: int = DEFAULT_CHUNK_SIZE,
    ) -> Iterator[bytes]:
        """The bytes from ``start`` to before ``end``, in order; what lies past the end is not.

        Holds no more than a piece or two in memory, and waits for its reader as long as it takes.

        Args:
            path: of the object.
            start: the first byte, from 0.
            end: the byte after the last one; None for all that follow.
            chunk_size: how many bytes to read at a time; in a bucket each is a request.

        Raises:
            StorageError: as :meth:`get`, at the first or any later piece. An object that is
                replaced or cut short meanwhile is unreadable.
            ValueError: ``start`` or ``end`` is negative, or ``chunk_size`` not positive.
        """
        ...

    def local_path(self, path: str) -> Path | None:
        """The file that an object is, to be read; None where objects are no files.

        Raises:
            ObjectMissing: there is none.
        """
        ...

    def upload_url(self, path: str, seconds: int) -> str | None:
        """Where anybody may PUT the object at ``path``, of any size, in the next ``seconds``.

        None where there is no such place. The URL holds as long as the credentials it is signed
        with, and a week at the most.

        Raises:
            StorageUnavailable: it cannot be signed now.
        """
        ...

    def get(self, path: str) -> bytes:
        """The whole object.

        Raises:
            ObjectMissing: there is none.
            ObjectUnreadable: it could not be read.
            StorageUnavailable: nothing can be read now.
        """
        ...

    def get_many(self, paths: Sequence[str]) -> Iterator[bytes]:
        """Whole objects in the order of ``paths``, read ahead where that saves time.

        Raises:
            StorageError: as :meth:`get`, in the object's place; no further ones come.
        """
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object below the folder ``prefix``, in no particular order.

        Leftovers of writes that were cut off are listed too.
        """
        ...

    def delete(self, path: str) -> None:
        """Remove an object; it is no error if there is none."""
        ...

    def check(self) -> None:
        """Prove that an object can be written and synced.

        Raises:
            StorageUnavailable: it cannot; the message says why.
        """
        ...


def path_segments(path: str) -> list[str]:
    """The names that a path goes through.

    Raises:
        StorageError: it names nothing inside a store.
    """
    parts = path.split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or "\0" in path:
        raise StorageError(f"{path!r} is not a path inside the store")
    return parts


def check_range(start: int, end: int | None, chunk_size: int) -> None:
    """Raise ValueError where :meth:`ObjectStore.read` cannot be asked for that."""
    if start < 0 or (end is not None and end < 0) or chunk_size < 1:
        raise ValueError(f"no range of bytes: {start} to {end}, {chunk_size} at a time")


def check_same_size(path: str, stored: int, expected: int) -> None:
    """Hold that the object at ``path`` is the one of ``expected`` bytes.

    Raises:
        StorageError: it is not.
    """
    if stored != expected:
        raise StorageError(f"another object lies at {path}, and is left as it is")


def file_size(path: str, file: Path) -> int | None:
    """The bytes of the file that is to be taken in at ``path``; None where there is no file.

    Raises:
        StorageError: it is no regular file, or not ours to read.
    """
    try:
        facts = file.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"the file for {path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(facts.st_mode):
        raise StorageError(f"what is to be taken in at {path} is not a regular file")
    return facts.st_size


def missing_file_error(path: str) -> StorageError:
    """What to raise where there is neither a file to take in nor an object."""
    return StorageError(f"the file for {path} is not there")


def stopped_error() -> StorageUnavailable:
    """What to raise where a call was told to stop."""
    return StorageUnavailable("storage could not write: it was told to stop: send again later")


def open_store(url: str) -> ObjectStore:
    """The store that ``url`` names: ``file:///absolute/directory`` or ``s3://bucket/prefix``.

    Raises:
        StorageError: the scheme is not known, the URL lacks a part, or a library is missing.
    """
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return _open_s3(url)
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"} or not parts.path:
        raise StorageError(
            f"storage URL {url!r} is not known: use file:///absolute/directory or "
            "s3://bucket/prefix",
        )
    from everlake.storage.local import LocalStore  # noqa: PLC0415  (a backend imports this module)

    return LocalStore(Path(unquote(parts.path)))


def _open_s3(url: str) -> ObjectStore:
    try:
        from everlake.storage.s3 import S3Store  # noqa: PLC0415  (loads a library of its own)
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise StorageError(
            "storage in S3 needs the library obstore: pip install 'everlake[s3]'"
        ) from error
    return S3Store.from_url(url)
