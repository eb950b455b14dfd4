"""The first workspace, product, project and key."""

import msgspec

from everlake.catalog import api_keys, products, projects, workspaces
from everlake.catalog.database import Catalog, Connection
from everlake.cli.context import fail

FIRST_PERMISSIONS = ("api:read", "api:write")
_LABEL = "init"
_NO_LIMIT = 1_000_000


class FirstWorkspace(msgspec.Struct, frozen=True):
    """What a workspace starts with. ``api_key`` is the secret, None where the key is not new."""

    workspace_id: str
    product_id: str
    project_id: str
    api_key: str | None
    key_id: str


def has_no_workspace(catalog: Catalog) -> bool:
    """Whether there is no workspace yet."""
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
    """Make what is missing of a first workspace, product, project and key; keep what is there.

    Args:
        product_id: the product to have; without it the first one, or a new one.
        project_id: the project of that product to have; likewise.
        source: the source of the key to have; without it any live key will do.
        max_live_keys: live keys a workspace may have.

    Raises:
        CommandError: an id or the source has a wrong form.
    """
    with catalog.transaction() as tx:
        try:
            workspace = workspaces.first(tx) or workspaces.create(tx, name="default")
            product = _ensure_product(tx, workspace.id, product_id)
            project = _ensure_project(tx, workspace.id, product, project_id)
            key_id, secret = _ensure_key(tx, workspace.id, source, max_live_keys)
        except ValueError as error:
            fail(str(error))
    return FirstWorkspace(workspace.id, product, project, secret, key_id)


def _ensure_product(tx: Connection, workspace_id: str, wanted: str | None) -> str:
    if wanted is not None:
        if not products.exists(tx, workspace_id, wanted):
            products.create(tx, workspace_id, product_id=wanted)
        return wanted
    there = products.page(tx, workspace_id, limit=1)
    return there[0].id if there else products.create(tx, workspace_id).id


def _ensure_project(tx: Connection, workspace_id: str, product_id: str, wanted: str | None) -> str:
    there = projects.page(tx, workspace_id, product_id=product_id, limit=_NO_LIMIT)
    if wanted is None and there:
        return there[0].id
    if wanted is None or all(project.id != wanted for project in there):
        return projects.create(tx, workspace_id, product_id, project_id=wanted).id
    return wanted


def _ensure_key(
    tx: Connection, workspace_id: str, source: str | None, most_live: int
) -> tuple[str, str | None]:
    for key in api_keys.page(tx, workspace_id, limit=_NO_LIMIT):
        if key.revoked_at is None and source in {None, key.source}:
            return key.id, None
    made, secret = api_keys.create(
        tx,
        workspace_id,
        label=_LABEL,
        permissions=FIRST_PERMISSIONS,
        source=source or "api",
        max_live=most_live,
    )
    return made.id, secret
