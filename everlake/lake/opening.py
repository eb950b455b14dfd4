"""Opens the lake of a storage."""

from everlake.catalog.database import Catalog
from everlake.lake.expected_tables import ExpectedTables
from everlake.lake.lake import Lake
from everlake.tables.opening import open_backend
from everlake.tables.s3_version_store import LeaseProvider


def open_lake(url: str, catalog: Catalog, lease_provider: LeaseProvider | None = None) -> Lake:
    """Return the lake in the storage at ``url``.

    Args and errors are those of :func:`everlake.tables.opening.open_backend`.
    """
    backend = open_backend(url, catalog, lease_provider)
    return Lake(backend, is_expected=ExpectedTables(catalog).is_expected)
