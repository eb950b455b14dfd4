"""Which projects a product has, remembered for the hot path."""

from everlake.catalog import products, projects
from everlake.catalog.database import Catalog


class ProjectCache:
    """Products and projects as last read; what is missing is always looked up again.

    Products and projects are only ever added, so a remembered hit cannot go stale.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._projects: dict[tuple[str, str], frozenset[str]] = {}

    def cached(self, workspace_id: str, product_id: str) -> frozenset[str] | None:
        """The product's projects as last read, or None."""
        return self._projects.get((workspace_id, product_id))

    def refresh(self, workspace_id: str, product_id: str) -> frozenset[str] | None:
        """The product's projects as they are now, or None when there is no such product.

        Raises:
            CatalogUnavailable: the catalog cannot be read.
        """
        with self._catalog.snapshot() as tx:
            if not products.exists(tx, workspace_id, product_id):
                return None
            known = projects.find_ids(tx, workspace_id, product_id)
        self._projects[workspace_id, product_id] = known
        return known
