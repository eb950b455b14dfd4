"""Products of a workspace."""

import msgspec
from sqlalchemy import Connection, bindparam, select

from everlake.catalog import workspaces
from everlake.catalog.errors import AlreadyExists, NotFound
from everlake.catalog.statements import (
    insert_into,
    now_ms,
    paginate_by_creation,
    validate_id,
    validate_name,
)
from everlake.catalog.table_definitions import products
from everlake.contract.ids import new_id

_c = products.c
_EXISTS = select(_c.id).where(_c.workspace_id == bindparam("workspace"), _c.id == bindparam("id"))


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One product. Its id is unique in its workspace."""

    workspace_id: str
    id: str
    name: str
    created_at: int


def create(
    tx: Connection, workspace_id: str, *, product_id: str | None = None, name: str | None = None
) -> Product:
    """A new product; its id is made up where none is given, and is its name where none is given.

    Raises:
        ValueError: the id or the name has a form it may not have.
        NotFound: there is no such workspace.
        AlreadyExists: the workspace has a product with this id.
    """
    new = new_id("prod") if product_id is None else validate_id(product_id)
    row = Product(
        workspace_id=workspace_id,
        id=new,
        name=validate_name(new if name is None else name),
        created_at=now_ms(),
    )
    if workspaces.get(tx, workspace_id) is None:
        raise NotFound(f"There is no workspace {workspace_id}.")
    statement = insert_into(tx.dialect.name, products).on_conflict_do_nothing().returning(_c.id)
    if tx.execute(statement, msgspec.structs.asdict(row)).first() is None:
        raise AlreadyExists(f"The workspace has a product {new} already. Choose another id.")
    return row


def exists(tx: Connection, workspace_id: str, product_id: str) -> bool:
    """Whether the workspace has this product."""
    return tx.execute(_EXISTS, {"workspace": workspace_id, "id": product_id}).first() is not None


def page(
    tx: Connection, workspace_id: str, *, limit: int, after: str | None = None
) -> list[Product]:
    """Products by creation, oldest first; ``after`` is the id of the last one seen."""
    statement = paginate_by_creation(
        select(products), products, workspace_id, limit=limit, after=after
    )
    return [Product(**row) for row in tx.execute(statement).mappings()]
