"""Projects of a product."""

import msgspec
from sqlalchemy import Connection, bindparam, select

from everlake.catalog import products
from everlake.catalog.errors import AlreadyExists, NotFound
from everlake.catalog.statements import (
    insert_into,
    now_ms,
    paginate_by_creation,
    validate_id,
    validate_name,
)
from everlake.catalog.table_definitions import projects
from everlake.contract.ids import new_id

_c = projects.c
_FIND_IDS = select(_c.id).where(
    _c.workspace_id == bindparam("workspace"), _c.product_id == bindparam("product")
)


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """One project. Its id is unique in its workspace, and it belongs to one product."""

    workspace_id: str
    id: str
    product_id: str
    name: str
    created_at: int


def create(
    tx: Connection,
    workspace_id: str,
    product_id: str,
    *,
    project_id: str | None = None,
    name: str | None = None,
) -> Project:
    """A new project; its id is made up where none is given, and is its name where none is given.

    Raises:
        ValueError: the id or the name has a form it may not have.
        NotFound: the workspace has no such product.
        AlreadyExists: the workspace has a project with this id, in this product or another.
    """
    new = new_id("proj") if project_id is None else validate_id(project_id)
    row = Project(
        workspace_id=workspace_id,
        id=new,
        product_id=product_id,
        name=validate_name(new if name is None else name),
        created_at=now_ms(),
    )
    if not products.exists(tx, workspace_id, product_id):
        raise NotFound(f"The workspace has no product {product_id}.")
    statement = insert_into(tx.dialect.name, projects).on_conflict_do_nothing().returning(_c.id)
    if tx.execute(statement, msgspec.structs.asdict(row)).first() is None:
        raise AlreadyExists(f"The workspace has a project {new} already. Choose another id.")
    return row


def find_ids(tx: Connection, workspace_id: str, product_id: str) -> frozenset[str]:
    """The ids of all projects of the product; none where there is no such product."""
    parameters = {"workspace": workspace_id, "product": product_id}
    return frozenset(tx.execute(_FIND_IDS, parameters).scalars())


def page(
    tx: Connection,
    workspace_id: str,
    *,
    product_id: str | None = None,
    limit: int,
    after: str | None = None,
) -> list[Project]:
    """Projects by creation, oldest first; ``after`` is the id of the last one seen."""
    statement = paginate_by_creation(
        select(projects), projects, workspace_id, limit=limit, after=after
    )
    if product_id is not None:
        statement = statement.where(_c.product_id == product_id)
    return [Project(**row) for row in tx.execute(statement).mappings()]
