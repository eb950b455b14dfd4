"""Cache of the projects of each product."""

from everlake.catalog import products, projects
from everlake.catalog.database import Catalog
from everlake.ingest.errors import unknown_product
from everlake.timeouts import run_with_timeout


class ProjectCache:
    """Projects of each product, as last read from the catalog.

    Products and projects are only ever added. So a project that is cached exists; one that is not
    may have been added since, and :meth:`refresh` finds it.

    Args:
        catalog: has the products and projects.
        timeout: longest wait for the catalog, in seconds.
    """

    def __init__(self, catalog: Catalog, timeout: float) -> None:
        self._catalog = catalog
        self._timeout = timeout
        self._projects: dict[tuple[str, str], frozenset[str]] = {}

    async def get(self, workspace_id: str, product_id: str) -> frozenset[str]:
        """Return the ids of the product's projects, from the cache where it has them.

        Raises:
            WireError: as :meth:`refresh`.
            CatalogError: as :meth:`refresh`.
        """
        cached = self._projects.get((workspace_id, product_id))
        return await self.refresh(workspace_id, product_id) if cached is None else cached

    async def refresh(self, workspace_id: str, product_id: str) -> frozenset[str]:
        """Return the ids of the product's projects, read from the catalog.

        Raises:
            WireError: ``UNKNOWN_PRODUCT``, or ``UNAVAILABLE`` after the timeout.
            CatalogError: the catalog cannot be read.
        """
        return await run_with_timeout(self._timeout, self._read, workspace_id, product_id)

    def _read(self, workspace_id: str, product_id: str) -> frozenset[str]:
        with self._catalog.snapshot() as tx:
            if not products.exists(tx, workspace_id, product_id):
                raise unknown_product()
            known = projects.find_ids(tx, workspace_id, product_id)
        self._projects[workspace_id, product_id] = known
        return known
