"""The first workspace of an installation, with a product, a project and an API key."""

import msgspec

from everlake.catalog import api_keys, products, projects, workspaces
from everlake.catalog.database import Catalog, Connection
from everlake.operations.errors import InvalidInput

FIRST_PERMISSIONS = ("api:read", "api:write")
_LABEL = "init"


class FirstWorkspace(msgspec.Struct, frozen=True):
    """Ids of the first workspace and of what it holds.

    ``api_key`` is the key's secret; None unless the key has just been created.
    """

    workspace_id: str
    product_id: str
    project_id: str
    api_key: str | None
    key_id: str


def has_no_workspace(catalog: Catalog) -> bool:
    """Return whether there is no workspace yet."""
    with catalog.snapshot() as tx:
        return workspaces.first(tx) is None


def ensure_first_workspace(
    catalog: Catalog,
    *,
    product_id: str | None = None,
    project_id: str | None = None,
    source: str | None = None,
    max_live_keys: int,
) -> FirstWorkspace:
    """Create whatever is missing of a first workspace, product, project and key.

    Callers at the same time get the same ones with SQLite. With PostgreSQL each may create its
    own, so that only one machine should call this.

    Args:
        product_id: the product to have; None for the oldest one, or a new one.
        project_id: the project of that product to have; None likewise.
        source: the source of the key to have; None for any live key.
        max_live_keys: keys that a workspace may have, without the revoked ones.

    Raises:
        InvalidInput: an id or the source is malformed.
        AlreadyExists: the project id belongs to another product.
        TooManyKeys: a key is missing, and the workspace has ``max_live_keys``.
    """
    with catalog.transaction() as tx:
        try:
            workspace = workspaces.first(tx) or workspaces.create(tx, name="default")
            product = _ensure_product(tx, workspace.id, product_id)
            project = _ensure_project(tx, workspace.id, product, project_id)
            key_id, secret = _ensure_key(tx, workspace.id, source, max_live_keys)
        except ValueError as error:
            raise InvalidInput(str(error)) from error
    return FirstWorkspace(workspace.id, product, project, secret, key_id)


def _ensure_product(tx: Connection, workspace_id: str, wanted: str | None) -> str:
    if wanted is not None:
        if not products.exists(tx, workspace_id, wanted):
            products.create(tx, workspace_id, product_id=wanted)
        return wanted
    oldest = products.page(tx, workspace_id, limit=1)
    return oldest[0].id if oldest else products.create(tx, workspace_id).id


def _ensure_project(tx: Connection, workspace_id: str, product_id: str, wanted: str | None) -> str:
    existing = projects.page(tx, workspace_id, product_id=product_id, limit=None)
    if wanted is None and existing:
        return existing[0].id
    if wanted is None or all(project.id != wanted for project in existing):
        return projects.create(tx, workspace_id, product_id, project_id=wanted).id
    return wanted


def _ensure_key(
    tx: Connection, workspace_id: str, source: str | None, max_live: int
) -> tuple[str, str | None]:
    """Return the id of a live key, and its secret when it is a new one."""
    for key in api_keys.page(tx, workspace_id, limit=None):
        if key.revoked_at is None and source in {None, key.source}:
            return key.id, None
    created, secret = api_keys.create(
        tx,
        workspace_id,
        label=_LABEL,
        permissions=FIRST_PERMISSIONS,
        source=source or "api",
        max_live=max_live,
    )
    return created.id, secret
