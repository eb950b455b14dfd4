"""``everlake keys``."""

from typing import Annotated

import typer

from everlake.cli.console import format_time, print_created, print_list
from everlake.cli.options import DataOption, JsonOption, WorkspaceOption, load_settings
from everlake.operations import keys
from everlake.operations.opening import existing_catalog
from everlake.operations.workspaces import resolve_workspace

app = typer.Typer(
    help="API keys of a workspace.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command("create")
def create_key(
    label: Annotated[str, typer.Option("--label", help="What the key is for.")],
    permissions: Annotated[
        str,
        typer.Option(
            "--permissions",
            help="Permissions, separated by commas: api:read, api:write, mcp:read, mcp:write.",
        ),
    ] = "api:read,api:write",
    source: Annotated[
        str, typer.Option("--source", help="Source of the records sent with it, such as slack.")
    ] = "api",
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Create an API key. Its secret is shown only now.

    Example: everlake keys create --label "Zendesk sync" --permissions api:write --source zendesk
    """
    settings = load_settings(data)
    with existing_catalog(settings) as catalog:
        created = keys.create_key(
            catalog,
            resolve_workspace(catalog, workspace),
            label=label,
            permissions=[part.strip() for part in permissions.split(",") if part.strip()],
            source=source,
            max_live=settings.limits.keys_per_workspace,
        )
    print_created(
        {
            "workspace_id": created.key.workspace_id,
            "key_id": created.key.id,
            "api_key": created.secret,
        },
        json=json,
    )


@app.command("list")
def list_keys(
    workspace: WorkspaceOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """List the keys of a workspace, without their secrets."""
    with existing_catalog(load_settings(data)) as catalog:
        rows = keys.list_keys(catalog, resolve_workspace(catalog, workspace))
    print_list(
        rows,
        json=json,
        as_json=lambda row: {
            "workspace_id": row.workspace_id,
            "key_id": row.id,
            "label": row.label,
            "permissions": row.permissions,
            "source": row.source,
            "hint": row.hint,
            "created_at": row.created_at,
            "last_used_at": row.last_used_at,
            "revoked_at": row.revoked_at,
        },
        headers=("KEY", "LABEL", "PERMISSIONS", "SOURCE", "ENDS IN", "LAST USED", "REVOKED"),
        as_row=lambda row: (
            row.id,
            row.label,
            ",".join(row.permissions),
            row.source,
            row.hint,
            format_time(row.last_used_at),
            format_time(row.revoked_at),
        ),
    )


@app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="Whole id of the key, from everlake keys list.")],
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Revoke a key; within a second no request with it is accepted.

    Example: everlake keys revoke key_br4cw156yx48nz2e
    """
    with existing_catalog(load_settings(data)) as catalog:
        workspace_id = resolve_workspace(catalog, workspace)
        keys.revoke_key(catalog, workspace_id, key_id)
    print_created({"workspace_id": workspace_id, "key_id": key_id}, json=json)
