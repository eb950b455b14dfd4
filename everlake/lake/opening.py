"""Opens the lake of a storage."""

from everlake.catalog.database import Catalog
from everlake.lake.lake import Lake
from everlake.tables.opening import open_backend
from everlake.tables.s3_version_store import LeaseProvider


def open_lake(url: str, catalog: Catalog, lease_provider: LeaseProvider | None = None) -> Lake:
    """Return the lake in the storage at ``url``.

    Args and errors are those of :func:`everlake.tables.opening.open_backend`.
    """
    return Lake(open_backend(url, catalog, lease_provider))
