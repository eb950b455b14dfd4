"""Operations on the products of a workspace."""

from everlake.catalog import products
from everlake.catalog.database import Catalog
from everlake.catalog.products import Product
from everlake.operations.errors import InvalidInput
from everlake.operations.types import Page, cut_page, rows_to_read


def create_product(
    catalog: Catalog, workspace_id: str, *, product_id: str | None = None, name: str | None = None
) -> Product:
    """Create a product.

    Args:
        product_id: None for a generated one.
        name: None for the id.

    Raises:
        InvalidInput: the id or the name is malformed.
        AlreadyExists: the workspace has a product with this id.
    """
    with catalog.transaction() as tx:
        try:
            return products.create(tx, workspace_id, product_id=product_id, name=name)
        except ValueError as error:
            raise InvalidInput(str(error)) from error


def list_products(
    catalog: Catalog, workspace_id: str, *, limit: int | None = None, after: str | None = None
) -> Page[Product]:
    """Return a page of products, oldest first.

    Args:
        limit: size of the page; None for all that follow.
        after: id of the last product of the page before.
    """
    with catalog.snapshot() as tx:
        rows = products.page(tx, workspace_id, limit=rows_to_read(limit), after=after)
    return cut_page(rows, limit)
