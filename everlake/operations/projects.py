"""Operations on the projects of a workspace's products."""

from everlake.catalog import projects
from everlake.catalog.database import Catalog
from everlake.catalog.projects import Project
from everlake.operations.errors import InvalidInput
from everlake.operations.types import Page, cut_page, rows_to_read


def create_project(
    catalog: Catalog,
    workspace_id: str,
    product_id: str,
    *,
    project_id: str | None = None,
    name: str | None = None,
) -> Project:
    """Create a project of a product.

    Args:
        project_id: None for a generated one.
        name: None for the id.

    Raises:
        InvalidInput: the id or the name is malformed.
        NotFound: the workspace has no such product.
        AlreadyExists: the workspace has a project with this id, of this product or another.
    """
    with catalog.transaction() as tx:
        try:
            return projects.create(tx, workspace_id, product_id, project_id=project_id, name=name)
        except ValueError as error:
            raise InvalidInput(str(error)) from error


def list_projects(
    catalog: Catalog,
    workspace_id: str,
    *,
    product_id: str | None = None,
    limit: int | None = None,
    after: str | None = None,
) -> Page[Project]:
    """Return a page of projects, oldest first.

    Args:
        product_id: only projects of this product.
        limit: size of the page; None for all that follow.
        after: id of the last project of the page before.
    """
    with catalog.snapshot() as tx:
        rows = projects.page(
            tx, workspace_id, product_id=product_id, limit=rows_to_read(limit), after=after
        )
    return cut_page(rows, limit)
