"""The lake of a storage, whichever kind it is of."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from everlake.catalog.database import Catalog
from everlake.lake import Lake
from everlake.storage import object_store_options, open_store
from everlake.tables.local_backend import LocalTableBackend
from everlake.tables.s3_backend import S3TableBackend, S3TableStorage
from everlake.tables.s3_version_store import LeaseProvider


def open_lake(url: str, catalog: Catalog, lease_provider: LeaseProvider | None = None) -> Lake:
    """The lake in the storage at ``url``: ``file://`` or ``s3://``.

    Args:
        catalog: says, for tables in a bucket, which versions count.
        lease_provider: says who may write tables in a bucket; None where this process only reads.

    Raises:
        StorageError: there can be no storage at the URL.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Lake(LocalTableBackend(Path(unquote(parts.path))))
    return Lake(
        S3TableBackend(
            S3TableStorage(catalog, open_store(url), url, object_store_options()), lease_provider
        )
    )
