"""Opens the table backend of a storage."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from everlake.catalog.database import Catalog
from everlake.storage import object_store_options, open_store
from everlake.tables.backend import TableBackend
from everlake.tables.local_backend import LocalTableBackend
from everlake.tables.s3_backend import S3TableBackend
from everlake.tables.s3_storage import S3TableStorage
from everlake.tables.s3_version_store import LeaseProvider


def open_backend(
    url: str, catalog: Catalog, lease_provider: LeaseProvider | None = None
) -> TableBackend:
    """Return the table backend of the storage at ``url``: ``file://`` or ``s3://``.

    Args:
        url: of the storage.
        catalog: names the current versions of tables in a bucket.
        lease_provider: the right to write tables in a bucket; None where this process only reads.

    Raises:
        StorageError: there is no storage of this kind.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalTableBackend(Path(unquote(parts.path)))
    storage = S3TableStorage(catalog, open_store(url), url, object_store_options())
    return S3TableBackend(storage, lease_provider)
