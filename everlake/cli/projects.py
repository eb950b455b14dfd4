"""``everlake projects``."""

from typing import Annotated

import typer

from everlake.cli.console import format_time, print_created, print_list
from everlake.cli.options import DataOption, JsonOption, WorkspaceOption, load_settings
from everlake.operations import projects
from everlake.operations.opening import existing_catalog
from everlake.operations.workspaces import resolve_workspace

app = typer.Typer(
    help="Projects of a product.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@app.command("create")
def create_project(
    product: Annotated[str, typer.Option("--product", help="Id of its product.")],
    project_id: Annotated[
        str | None, typer.Option("--id", help="Id of the project; generated if left out.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name for people; the id if left out.")
    ] = None,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Create a project of a product.

    Example: everlake projects create --product prod-abc --id proj-mobile
    """
    with existing_catalog(load_settings(data)) as catalog:
        created = projects.create_project(
            catalog,
            resolve_workspace(catalog, workspace),
            product,
            project_id=project_id,
            name=name,
        )
    print_created(
        {
            "workspace_id": created.workspace_id,
            "product_id": created.product_id,
            "project_id": created.id,
        },
        json=json,
    )


@app.command("list")
def list_projects(
    product: Annotated[
        str | None, typer.Option("--product", help="Only projects of this product.")
    ] = None,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """List the projects of a workspace, oldest first."""
    with existing_catalog(load_settings(data)) as catalog:
        page = projects.list_projects(
            catalog, resolve_workspace(catalog, workspace), product_id=product
        )
    print_list(
        page.items,
        json=json,
        as_json=lambda row: {
            "workspace_id": row.workspace_id,
            "product_id": row.product_id,
            "project_id": row.id,
            "name": row.name,
        },
        headers=("PROJECT", "PRODUCT", "NAME", "CREATED"),
        as_row=lambda row: (row.id, row.product_id, row.name, format_time(row.created_at)),
    )
