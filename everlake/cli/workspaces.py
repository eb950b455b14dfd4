"""``everlake workspaces``."""

from typing import Annotated

import typer

from everlake.cli.console import format_time, print_created, print_list
from everlake.cli.options import DataOption, JsonOption, load_settings
from everlake.operations import workspaces
from everlake.operations.opening import existing_catalog, prepared_catalog

app = typer.Typer(
    help="Workspaces, which are isolated from each other.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command("create")
def create_workspace(
    name: Annotated[str, typer.Option("--name", help="Name for people.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Create a workspace.

    Example: everlake workspaces create --name "Acme"
    """
    with prepared_catalog(load_settings(data)) as catalog:
        created = workspaces.create_workspace(catalog, name=name)
    print_created({"workspace_id": created.id}, json=json)


@app.command("list")
def list_workspaces(data: DataOption = None, json: JsonOption = False) -> None:
    """List the workspaces, oldest first."""
    with existing_catalog(load_settings(data)) as catalog:
        rows = workspaces.list_workspaces(catalog)
    print_list(
        rows,
        json=json,
        as_json=lambda row: {
            "workspace_id": row.id,
            "name": row.name,
            "created_at": row.created_at,
        },
        headers=("WORKSPACE", "NAME", "CREATED"),
        as_row=lambda row: (row.id, row.name, format_time(row.created_at)),
    )
