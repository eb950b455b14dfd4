"""``everlake products``."""

from typing import Annotated

import typer

from everlake.cli.console import format_time, print_created, print_list
from everlake.cli.options import DataOption, JsonOption, WorkspaceOption, load_settings
from everlake.operations import products
from everlake.operations.opening import existing_catalog
from everlake.operations.workspaces import resolve_workspace

app = typer.Typer(
    help="Products that records are about.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command("create")
def create_product(
    product_id: Annotated[
        str | None, typer.Option("--id", help="Id of the product; generated if left out.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name for people; the id if left out.")
    ] = None,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Create a product.

    Example: everlake products create --id prod-abc --name "Acme Route"
    """
    with existing_catalog(load_settings(data)) as catalog:
        created = products.create_product(
            catalog, resolve_workspace(catalog, workspace), product_id=product_id, name=name
        )
    print_created({"workspace_id": created.workspace_id, "product_id": created.id}, json=json)


@app.command("list")
def list_products(
    workspace: WorkspaceOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """List the products of a workspace, oldest first."""
    with existing_catalog(load_settings(data)) as catalog:
        page = products.list_products(catalog, resolve_workspace(catalog, workspace))
    print_list(
        page.items,
        json=json,
        as_json=lambda row: {
            "workspace_id": row.workspace_id,
            "product_id": row.id,
            "name": row.name,
        },
        headers=("PRODUCT", "NAME", "CREATED"),
        as_row=lambda row: (row.id, row.name, format_time(row.created_at)),
    )
