"""Object store interface."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from everlake.storage.types import DEFAULT_CHUNK_SIZE, Content, ObjectInfo


class ObjectStore(Protocol):
    """Objects under slash-separated relative paths. Methods may be called from any thread.

    Every method raises :class:`~everlake.storage.StorageError` for a path that is not relative,
    or has empty, ``.`` or ``..`` segments.
    """

    def put_many(self, objects: Sequence[tuple[str, bytes]], *, roll_back: bool = True) -> None:
        """Write whole objects, which survive a power loss when the call returns.

        A reader never sees a part of an object.

        Args:
            objects: paths and contents.
            roll_back: delete what was written when the call fails. False where another call may
                write the same bytes to the same path: what it has stored must not be deleted.

        Raises:
            StorageFull: there is no space left.
            StorageUnavailable: any other error that may pass.
        """
        ...

    def put_files(
        self, objects: Sequence[tuple[str, Content]], *, stop: threading.Event | None = None
    ) -> None:
        """Import files, and small contents, under paths that are derived from their content.

        They survive a power loss when the call returns. An object that is already at a path is
        the same one, and is left as it is. After an error some may have been imported, each of
        them whole, and the call may be repeated. Memory does not grow with the files.

        Args:
            objects: paths and contents. A file may be moved or left; one that is moved keeps its
                owner and mode. One that cannot be synced is removed: what the disk has of it is
                unknown, and another fsync would report success (fsync(2)).
            stop: when set, the call ends soon.

        Raises:
            StorageFull: there is no space left.
            StorageUnavailable: any other error that may pass, or ``stop`` was set.
            StorageError: a file cannot be read, or the object at its path has another size.
        """
        ...

    def size(self, path: str) -> int:
        """Return the size of an object, in bytes.

        Raises:
            StorageError: see :meth:`get`.
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
        """Yield the bytes of an object from ``start`` up to but not including ``end``, in order.

        One or two chunks are in memory at a time. The caller may take as long as it likes.

        Args:
            path: of the object.
            start: first byte, from 0.
            end: the byte after the last one, which may be past the end; None for all.
            chunk_size: bytes to read at a time; in S3 each chunk is a request.

        Raises:
            StorageError: see :meth:`get`; at the first or any later chunk. An object that is
                replaced or truncated meanwhile is unreadable.
            ValueError: ``start`` or ``end`` is negative, or ``chunk_size`` is not positive.
        """
        ...

    def local_path(self, path: str) -> Path | None:
        """Return the file that an object is, for reading; None when objects are not files.

        Raises:
            ObjectMissing: there is none.
        """
        ...

    def upload_url(self, path: str, seconds: int) -> str | None:
        """Return a URL to which the object can be sent by PUT; None when there is no such URL.

        Args:
            path: of the object.
            seconds: how long the URL is valid: at most a week, and not longer than the
                credentials that sign it.

        Raises:
            StorageUnavailable: it cannot be signed now.
        """
        ...

    def get(self, path: str) -> bytes:
        """Return a whole object.

        Raises:
            ObjectMissing: there is none.
            ObjectUnreadable: it cannot be read.
            StorageUnavailable: nothing can be read now.
        """
        ...

    def get_many(self, paths: Sequence[str]) -> Iterator[bytes]:
        """Yield whole objects in the order of ``paths``, read ahead where that saves time.

        Raises:
            StorageError: see :meth:`get`; in the place of the object, which ends the iteration.
        """
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object below the directory ``prefix``, in no particular order.

        The remains of interrupted writes are listed too.

        Raises:
            StorageUnavailable: they cannot be listed now.
        """
        ...

    def delete(self, path: str) -> None:
        """Delete an object, if there is one.

        Raises:
            StorageUnavailable: it cannot be deleted now.
        """
        ...

    def check(self) -> None:
        """Check that an object can be written, synced and deleted.

        Raises:
            StorageUnavailable: it cannot; the message says why.
        """
        ...
