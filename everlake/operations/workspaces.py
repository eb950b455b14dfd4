"""Operations on workspaces."""

from everlake.catalog import workspaces
from everlake.catalog.database import Catalog
from everlake.catalog.workspaces import Workspace
from everlake.operations.errors import InvalidInput, NoWorkspace
from everlake.operations.id_prefixes import unique_id


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

    Args:
        workspace_id: the id, or a beginning of it that no other workspace has.

    Raises:
        ResourceNotFound: there is no such workspace.
        InvalidInput: several ids begin so.
        NoWorkspace: none is given, and there is none yet.
    """
    with catalog.snapshot() as tx:
        if workspace_id is None:
            found = workspaces.first(tx)
            if found is None:
                raise NoWorkspace
        else:
            return unique_id("workspace", workspace_id, workspaces.list_ids(tx))
    return found.id
