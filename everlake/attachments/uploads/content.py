"""Received content of uploads in the object store.

The API stores parts; clients that write to the bucket directly store a single object or parts.
A stored part is never overwritten: nobody reads an upload before it is complete, and nobody may
change it afterwards.
"""

from collections.abc import Iterator

from everlake.attachments.paths import part_path, upload_folder, whole_path
from everlake.attachments.uploads.errors import UploadContentMissing
from everlake.attachments.uploads.types import PartRange, ReceivedContent, parts_of
from everlake.catalog.uploads import NewUpload, UploadRow
from everlake.storage import ObjectMissing, ObjectStore, ObjectUnreadable


def object_path(upload: NewUpload, part: PartRange) -> str:
    """Return the path of a part's object."""
    return part_path(upload.workspace_id, upload.id, part.number)


def received_content(store: ObjectStore, upload: NewUpload) -> ReceivedContent:
    """List what is received of an upload.

    Raises:
        StorageError: the objects cannot be listed now.
    """
    folder = upload_folder(upload.workspace_id, upload.id)
    sizes = {found.path: found.size for found in store.list(folder)}
    if sizes.get(whole_path(upload.workspace_id, upload.id)) == upload.size:
        return ReceivedContent(is_single_object=True, missing_parts=[], received_bytes=upload.size)
    missing = [
        part for part in parts_of(upload) if sizes.get(object_path(upload, part)) != part.size
    ]
    return ReceivedContent(False, missing, upload.size - sum(part.size for part in missing))


def is_complete(store: ObjectStore, upload: UploadRow) -> bool:
    """Return whether all bytes of an upload are received.

    Raises:
        StorageError: the objects cannot be listed now.
    """
    return upload.completed_at is not None or received_content(store, upload).is_complete


def read_content(store: ObjectStore, upload: UploadRow, *, chunk_bytes: int) -> Iterator[bytes]:
    """Yield the content of a complete upload in order.

    Args:
        store: where the content was uploaded to, and is not yet deleted.
        upload: a complete upload.
        chunk_bytes: largest piece; one or two are in memory at a time.

    Raises:
        UploadContentMissing: an object is missing or has another size than it should.
        StorageError: an object cannot be read, at the first or any later piece.
    """
    try:
        yield from _read_objects(store, upload, chunk_bytes)
    except ObjectMissing as error:
        raise UploadContentMissing(str(error)) from error


def delete_objects(store: ObjectStore, workspace_id: str, upload_id: str) -> None:
    """Delete the received content of an upload; objects that are already deleted are no error.

    Raises:
        StorageError: an object could not be deleted.
    """
    for found in list(store.list(upload_folder(workspace_id, upload_id))):
        store.delete(found.path)


def _read_objects(store: ObjectStore, upload: UploadRow, chunk_bytes: int) -> Iterator[bytes]:
    received = received_content(store, upload)
    if received.is_single_object:
        path = whole_path(upload.workspace_id, upload.id)
        yield from _read_exactly(store, path, upload.size, chunk_bytes)
        return
    if received.missing_parts:
        first = received.missing_parts[0].number
        raise UploadContentMissing(f"part {first} of upload {upload.id} is missing")
    for part in parts_of(upload):
        yield from _read_exactly(store, object_path(upload, part), part.size, chunk_bytes)


def _read_exactly(store: ObjectStore, path: str, size: int, chunk_bytes: int) -> Iterator[bytes]:
    received = 0
    for data in store.read(path, chunk_size=chunk_bytes):
        received += len(data)
        yield data
    if received != size:
        raise ObjectUnreadable(f"the object at {path} has {received} bytes instead of {size}")
