"""``everlake lake tables``: where the tables lie, for tools that open them themselves."""

import msgspec

from everlake.cli.context import (
    DataOption,
    JsonOption,
    WorkspaceOption,
    open_existing,
    print_json,
    print_table,
    settings_of,
    workspace_id_of,
)
from everlake.lake.lake import SPECS, Lake
from everlake.lake.opening import open_lake
from everlake.lake.spec import TableSpec


class _Listed(msgspec.Struct, frozen=True):
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
    settings = settings_of(data)
    with open_existing(settings) as catalog:
        with catalog.read() as tx:
            workspace_id = workspace_id_of(tx, workspace)
        lake = open_lake(settings.archive_url, catalog)
        listed = [_listed(lake, workspace_id, spec) for spec in SPECS]
    if json:
        for one in listed:
            print_json(one)
    else:
        print_table(
            ("TABLE", "ROWS", "VERSION", "WHERE"),
            [(one.table, f"{one.rows:,}", one.version or "none", one.where) for one in listed],
        )


def _listed(lake: Lake, workspace_id: str, spec: TableSpec) -> _Listed:
    table = lake.table(workspace_id, spec)
    found = table.read(lambda now: (now.count(), now.version), None)
    if found is None:
        where = f"{lake.place(workspace_id).where}/{spec.name}.lance"
        return _Listed(table=spec.name, rows=0, version=None, where=where)
    rows, version = found
    return _Listed(table=spec.name, rows=rows, version=version, where=table.where)
