"""``everlake workspaces``, ``products``, ``projects`` and ``keys``."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from everlake.catalog import api_keys, products, projects, workspaces
from everlake.cli.context import (
    DataOption,
    JsonOption,
    WorkspaceOption,
    fail,
    load_settings,
    open_existing_catalog,
    out,
    prepare_catalog,
    print_json,
    print_table,
    resolve_workspace_id,
)

_NO_LIMIT = 1_000_000

workspaces_app = typer.Typer(
    help="Workspaces: each sees only its own.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
products_app = typer.Typer(
    help="Products that records are about.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
projects_app = typer.Typer(
    help="Projects of a product.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
keys_app = typer.Typer(
    help="API keys.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


def format_time(milliseconds: int | None) -> str:
    """A time as people read it, in UTC; a dash where there is none."""
    if milliseconds is None:
        return "-"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


@workspaces_app.command("create")
def create_workspace(
    name: Annotated[str, typer.Option("--name", help="What people call it.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Create a workspace.

    Example: everlake workspaces create --name "Acme"
    """
    with prepare_catalog(load_settings(data)) as catalog, catalog.transaction() as tx:
        try:
            made = workspaces.create(tx, name=name)
        except ValueError as error:
            fail(str(error))
    _print_created({"workspace_id": made.id}, json)


@workspaces_app.command("list")
def list_workspaces(data: DataOption = None, json: JsonOption = False) -> None:
    """List the workspaces, oldest first."""
    with open_existing_catalog(load_settings(data)) as catalog, catalog.snapshot() as tx:
        rows = workspaces.page(tx, limit=_NO_LIMIT)
    if json:
        for row in rows:
            print_json({"workspace_id": row.id, "name": row.name, "created_at": row.created_at})
    else:
        print_table(
            ("WORKSPACE", "NAME", "CREATED"),
            [(row.id, row.name, format_time(row.created_at)) for row in rows],
        )


@products_app.command("create")
def create_product(
    product_id: Annotated[
        str | None, typer.Option("--id", help="Its id; made up if left out.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="What people call it.")] = None,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Create a product.

    Example: everlake products create --id prod-abc --name "Acme Route"
    """
    with open_existing_catalog(load_settings(data)) as catalog, catalog.transaction() as tx:
        workspace_id = resolve_workspace_id(tx, workspace)
        try:
            made = products.create(tx, workspace_id, product_id=product_id, name=name)
        except ValueError as error:
            fail(str(error))
    _print_created({"workspace_id": workspace_id, "product_id": made.id}, json)


@products_app.command("list")
def list_products(
    workspace: WorkspaceOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """List the products of a workspace."""
    with open_existing_catalog(load_settings(data)) as catalog, catalog.snapshot() as tx:
        rows = products.page(tx, resolve_workspace_id(tx, workspace), limit=_NO_LIMIT)
    if json:
        for row in rows:
            print_json({"workspace_id": row.workspace_id, "product_id": row.id, "name": row.name})
    else:
        print_table(
            ("PRODUCT", "NAME", "CREATED"),
            [(row.id, row.name, format_time(row.created_at)) for row in rows],
        )


@projects_app.command("create")
def create_project(
    product: Annotated[str, typer.Option("--product", help="The product it belongs to.")],
    project_id: Annotated[
        str | None, typer.Option("--id", help="Its id; made up if left out.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="What people call it.")] = None,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Create a project of a product.

    Example: everlake projects create --product prod-abc --id proj-mobile
    """
    with open_existing_catalog(load_settings(data)) as catalog, catalog.transaction() as tx:
        workspace_id = resolve_workspace_id(tx, workspace)
        try:
            made = projects.create(tx, workspace_id, product, project_id=project_id, name=name)
        except ValueError as error:
            fail(str(error))
    _print_created(
        {"workspace_id": workspace_id, "product_id": product, "project_id": made.id}, json
    )


@projects_app.command("list")
def list_projects(
    product: Annotated[str | None, typer.Option("--product", help="Only of this product.")] = None,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """List the projects of a workspace."""
    with open_existing_catalog(load_settings(data)) as catalog, catalog.snapshot() as tx:
        workspace_id = resolve_workspace_id(tx, workspace)
        rows = projects.page(tx, workspace_id, product_id=product, limit=_NO_LIMIT)
    if json:
        for row in rows:
            print_json(
                {
                    "workspace_id": row.workspace_id,
                    "product_id": row.product_id,
                    "project_id": row.id,
                    "name": row.name,
                }
            )
    else:
        print_table(
            ("PROJECT", "PRODUCT", "NAME", "CREATED"),
            [(row.id, row.product_id, row.name, format_time(row.created_at)) for row in rows],
        )


@keys_app.command("create")
def create_key(
    label: Annotated[str, typer.Option("--label", help="What the key is for.")],
    permissions: Annotated[
        str, typer.Option("--permissions", help="Of api:read, api:write, mcp:read, mcp:write.")
    ] = "api:read,api:write",
    source: Annotated[
        str, typer.Option("--source", help="Where its records come from, such as slack.")
    ] = "api",
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Create an API key. Its secret is shown this once.

    Example: everlake keys create --label "Zendesk sync" --permissions api:write --source zendesk
    """
    settings = load_settings(data)
    wanted = [part.strip() for part in permissions.split(",") if part.strip()]
    with open_existing_catalog(settings) as catalog, catalog.transaction() as tx:
        workspace_id = resolve_workspace_id(tx, workspace)
        try:
            key, secret = api_keys.create(
                tx,
                workspace_id,
                label=label,
                permissions=wanted,
                source=source,
                max_live=settings.limits.keys_per_workspace,
            )
        except ValueError as error:
            fail(str(error))
    _print_created({"workspace_id": workspace_id, "key_id": key.id, "api_key": secret}, json)


@keys_app.command("list")
def list_keys(
    workspace: WorkspaceOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """List the keys of a workspace, without their secrets."""
    with open_existing_catalog(load_settings(data)) as catalog, catalog.snapshot() as tx:
        rows = api_keys.page(tx, resolve_workspace_id(tx, workspace), limit=_NO_LIMIT)
    if json:
        for row in rows:
            print_json(
                {
                    "workspace_id": row.workspace_id,
                    "key_id": row.id,
                    "label": row.label,
                    "permissions": row.permissions,
                    "source": row.source,
                    "hint": row.hint,
                    "created_at": row.created_at,
                    "last_used_at": row.last_used_at,
                    "revoked_at": row.revoked_at,
                }
            )
    else:
        print_table(
            ("KEY", "LABEL", "PERMISSIONS", "SOURCE", "ENDS IN", "LAST USED", "REVOKED"),
            [
                (
                    row.id,
                    row.label,
                    ",".join(row.permissions),
                    row.source,
                    row.hint,
                    format_time(row.last_used_at),
                    format_time(row.revoked_at),
                )
                for row in rows
            ],
        )


@keys_app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The key's id, from everlake keys list.")],
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Revoke a key: within a second it is refused everywhere.

    Example: everlake keys revoke key_4x7k
    """
    with open_existing_catalog(load_settings(data)) as catalog, catalog.transaction() as tx:
        workspace_id = resolve_workspace_id(tx, workspace)
        if not api_keys.revoke(tx, workspace_id, key_id):
            fail(f"there is no live key {key_id}: everlake keys list shows them")
    _print_created({"workspace_id": workspace_id, "key_id": key_id}, json)


def _print_created(made: dict[str, str], json: bool) -> None:
    if json:
        print_json(made)
        return
    for name, value in made.items():
        out.print(f"{name:<13}{value}", markup=False)
