"""Projects of a product."""

import msgspec
from sqlalchemy import Connection, bindparam, select

from everlake.catalog import products
from everlake.catalog.clock import now_ms
from everlake.catalog.errors import AlreadyExists, NotFound
from everlake.catalog.statements import insert_new, paginate_by_creation
from everlake.catalog.table_definitions import projects
from everlake.catalog.validation import validate_id, validate_name
from everlake.contract.ids import new_id

_c = projects.c
_FIND_IDS = select(_c.id).where(
    _c.workspace_id == bindparam("workspace"), _c.product_id == bindparam("product")
)


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project of one product. Its id is unique in its workspace.

    ``created_at`` is in Unix milliseconds.
    """

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
    """Create a project, with a generated id where none is given; its name defaults to its id.

    Raises:
        ValueError: the id or the name is not valid.
        NotFound: the workspace has no such product.
        AlreadyExists: the workspace has a project with this id, in this product or another.
    """
    new = new_id("proj") if project_id is None else validate_id(project_id)
    row = Project(
        workspace_id=workspace_id,
        id=new,
        product_id=product_id,
        name=validate_name(new if name is None else name),
        created_at=now_ms(tx),
    )
    if not products.exists(tx, workspace_id, product_id):
        raise NotFound(f"The workspace has no product {product_id}.")
    if not insert_new(tx, projects, row):
        raise AlreadyExists(f"The workspace has a project {new} already. Choose another id.")
    return row


def find_ids(tx: Connection, workspace_id: str, product_id: str) -> frozenset[str]:
    """Return the ids of all projects of the product; empty when there is no such product."""
    parameters = {"workspace": workspace_id, "product": product_id}
    return frozenset(tx.execute(_FIND_IDS, parameters).scalars())


def page(
    tx: Connection,
    workspace_id: str,
    *,
    product_id: str | None = None,
    limit: int | None,
    after: str | None = None,
) -> list[Project]:
    """Return projects by creation, oldest first.

    Args:
        product_id: only those of this product; None for all of the workspace.
        limit: most projects; None for all.
        after: id of the last project of the page before.
    """
    statement = paginate_by_creation(
        select(projects), projects, workspace_id, limit=limit, after=after
    )
    if product_id is not None:
        statement = statement.where(_c.product_id == product_id)
    return [Project(**row) for row in tx.execute(statement).mappings()]
