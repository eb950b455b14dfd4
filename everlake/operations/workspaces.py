"""Operations on workspaces."""

from everlake.catalog import workspaces
from everlake.catalog.database import Catalog
from everlake.catalog.workspaces import Workspace
from everlake.operations.errors import InvalidInput, NoWorkspace, ResourceNotFound


def create_workspace(catalog: Catalog, *, name: str) -> Workspace:
    """Create a workspace with a generated id.

    Raises:
        InvalidInput: the name is empty or too long.
    """
    with catalog.transaction() as tx:
        try:
            return workspaces.create(tx, name=name)
        except ValueError as error:
            raise InvalidInput(str(error)) from error


def list_workspaces(catalog: Catalog) -> list[Workspace]:
    """Return all workspaces, oldest first."""
    with catalog.snapshot() as tx:
        return workspaces.page(tx, limit=None)


def resolve_workspace(catalog: Catalog, workspace_id: str | None = None) -> str:
    """Return the id of the given workspace, or of the oldest one.

    Raises:
        ResourceNotFound: there is no such workspace.
        NoWorkspace: none is given, and there is none yet.
    """
    with catalog.snapshot() as tx:
        if workspace_id is None:
            found = workspaces.first(tx)
            if found is None:
                raise NoWorkspace
        else:
            found = workspaces.get(tx, workspace_id)
            if found is None:
                raise ResourceNotFound("workspace", workspace_id)
    return found.id
