"""Products of a workspace."""

import msgspec
from sqlalchemy import Connection, bindparam, select

from everlake.catalog import workspaces
from everlake.catalog.clock import now_ms
from everlake.catalog.errors import AlreadyExists, NotFound
from everlake.catalog.statements import insert_new, paginate_by_creation
from everlake.catalog.table_definitions import products
from everlake.catalog.validation import validate_id, validate_name
from everlake.contract.ids import new_id

_c = products.c
_EXISTS = select(_c.id).where(_c.workspace_id == bindparam("workspace"), _c.id == bindparam("id"))


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product. Its id is unique in its workspace; ``created_at`` is in Unix milliseconds."""

    workspace_id: str
    id: str
    name: str
    created_at: int


def create(
    tx: Connection, workspace_id: str, *, product_id: str | None = None, name: str | None = None
) -> Product:
    """Create a product, with a generated id where none is given; its name defaults to its id.

    Raises:
        ValueError: the id or the name is not valid.
        NotFound: there is no such workspace.
        AlreadyExists: the workspace has a product with this id.
    """
    new = new_id("prod") if product_id is None else validate_id(product_id)
    row = Product(
        workspace_id=workspace_id,
        id=new,
        name=validate_name(new if name is None else name),
        created_at=now_ms(tx),
    )
    if workspaces.get(tx, workspace_id) is None:
        raise NotFound(f"There is no workspace {workspace_id}.")
    if not insert_new(tx, products, row):
        raise AlreadyExists(f"The workspace has a product {new} already. Choose another id.")
    return row


def exists(tx: Connection, workspace_id: str, product_id: str) -> bool:
    """Return whether the workspace has this product."""
    return tx.execute(_EXISTS, {"workspace": workspace_id, "id": product_id}).first() is not None


def page(
    tx: Connection, workspace_id: str, *, limit: int | None, after: str | None = None
) -> list[Product]:
    """Return products by creation, oldest first.

    Args:
        limit: most products; None for all.
        after: id of the last product of the page before.
    """
    statement = paginate_by_creation(
        select(products), products, workspace_id, limit=limit, after=after
    )
    return [Product(**row) for row in tx.execute(statement).mappings()]
