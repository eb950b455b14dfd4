"""Storage of tables in a bucket: what all backends over it share."""

from everlake.catalog.database import Catalog
from everlake.storage import ObjectStore
from everlake.tables.spec import LAKE_FOLDER, workspace_folder
from everlake.tables.staging_leases import StagingLeases


class S3TableStorage:
    """A bucket, and the catalog that knows its tables.

    Args:
        catalog: holds generations and versions of tables, and leases.
        store: lists and deletes objects.
        url: ``s3://bucket/prefix``.
        options: Lance's options to access the bucket.
    """

    def __init__(
        self, catalog: Catalog, store: ObjectStore, url: str, options: dict[str, str]
    ) -> None:
        self.catalog = catalog
        self.store = store
        self.url = url.rstrip("/")
        self.options = options
        self.staging_leases = StagingLeases(catalog)

    def folder(self, workspace_id: str, generation: int | None) -> str:
        """Return the path of a generation's tables below the URL; None stands for any of them."""
        return f"{LAKE_FOLDER}/{workspace_folder(workspace_id)}/generation={generation or '*'}"
