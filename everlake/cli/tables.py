"""``everlake lake tables``: where the tables lie, for tools that open them themselves."""

import msgspec

from everlake.cli.context import (
    DataOption,
    JsonOption,
    WorkspaceOption,
    load_settings,
    open_existing_catalog,
    print_json,
    print_table,
    resolve_workspace_id,
)
from everlake.lake import Lake
from everlake.lake.opening import open_lake
from everlake.tables.spec import TableSpec


class _TableListing(msgspec.Struct, frozen=True):
    table: str
    rows: int
    version: int | None
    where: str


def tables(
    workspace: WorkspaceOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """List the tables: rows, the version that counts, and where each lies.

    Example: everlake lake tables --json
    """
    settings = load_settings(data)
    with open_existing_catalog(settings) as catalog:
        with catalog.snapshot() as tx:
            workspace_id = resolve_workspace_id(tx, workspace)
        lake = open_lake(settings.archive_url, catalog)
        listed = [_describe_table(lake, workspace_id, spec) for spec in lake.registry.specs]
    if json:
        for one in listed:
            print_json(one)
    else:
        print_table(
            ("TABLE", "ROWS", "VERSION", "WHERE"),
            [(one.table, f"{one.rows:,}", one.version or "none", one.where) for one in listed],
        )


def _describe_table(lake: Lake, workspace_id: str, spec: TableSpec) -> _TableListing:
    table = lake.engine.table(workspace_id, spec)
    found = table.read(lambda now: (now.count(), now.version), None)
    if found is None:
        where = f"{lake.engine.table_set(workspace_id).uri}/{spec.name}.lance"
        return _TableListing(table=spec.name, rows=0, version=None, where=where)
    rows, version = found
    return _TableListing(table=spec.name, rows=rows, version=version, where=table.uri)
