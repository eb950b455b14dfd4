"""``everlake lake tables``."""

from everlake.cli.console import print_list
from everlake.cli.options import DataOption, JsonOption, WorkspaceOption, load_settings
from everlake.lake.opening import open_lake
from everlake.operations.opening import existing_catalog
from everlake.operations.tables import list_tables
from everlake.operations.workspaces import resolve_workspace


def tables(
    workspace: WorkspaceOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """List the tables: rows, current version, and location.

    Example: everlake lake tables --json
    """
    settings = load_settings(data)
    with existing_catalog(settings) as catalog:
        listed = list_tables(
            open_lake(settings.archive_url, catalog), resolve_workspace(catalog, workspace)
        )
    print_list(
        listed,
        json=json,
        as_json=lambda table: table,
        headers=("TABLE", "ROWS", "VERSION", "WHERE"),
        as_row=lambda table: (
            table.table,
            f"{table.rows:,}",
            table.version or "none",
            table.where,
        ),
    )
