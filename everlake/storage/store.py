"""What every object store does, and how one is opened from its URL."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import msgspec


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


def segments(path: str) -> list[str]:
    """The names that a path goes through.

    Raises:
        StorageError: it names nothing inside a store.
    """
    parts = path.split("/")
    if not {"", ".", ".."}.isdisjoint(parts) or "\0" in path:
        raise StorageError(f"{path!r} is not a path inside the store")
    return parts


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
    return S3Store.of_url(url)
