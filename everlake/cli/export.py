"""``everlake lake export``: a table copied into files of another format."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from everlake.cli.context import (
    DataOption,
    JsonOption,
    WorkspaceOption,
    load_settings,
    open_existing_catalog,
    out,
    print_json,
    resolve_workspace_id,
)
from everlake.cli.progress import reporting_progress
from everlake.export.parquet import export_parquet
from everlake.lake.lake import DERIVED_TABLES
from everlake.lake.opening import open_lake

DEFAULT_DIRECTORY = "everlake-export"


class ExportFormat(StrEnum):
    """What files can be made."""

    PARQUET = "parquet"


class TableName(StrEnum):
    """The lake's tables."""

    RECORDS = "records"
    ARRIVALS = "arrivals"
    UTTERANCES = "utterances"


def export(
    form: Annotated[
        ExportFormat, typer.Option("--format", help="Of the files.")
    ] = ExportFormat.PARQUET,
    to: Annotated[Path, typer.Option("--to", help="A directory that is new or empty.")] = Path(
        DEFAULT_DIRECTORY
    ),
    table: Annotated[TableName, typer.Option("--table", help="What to copy.")] = TableName.RECORDS,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Copy a table as it is now into files, in folders by source, type and day.

    The directory is there whole or not at all.

    Example: everlake lake export --format parquet --to acme
    """
    settings = load_settings(data)
    spec = next(each for each in DERIVED_TABLES if each.name == table)
    with open_existing_catalog(settings) as catalog, reporting_progress(quiet=json) as watch:
        with catalog.snapshot() as tx:
            workspace_id = resolve_workspace_id(tx, workspace)
        source = open_lake(settings.archive_url, catalog).table(workspace_id, spec)
        done = export_parquet(
            source, to, lambda rows, total: watch(f"copying {table}", rows, total)
        )
    if json:
        summary = {"table": table, "format": form, "directory": str(to.absolute())}
        print_json({**summary, **msgspec.structs.asdict(done)})
    else:
        files = "1 file" if done.files == 1 else f"{done.files:,} files"
        out.print(f"{to}: {done.rows:,} {table} in {files}, {done.bytes:,} bytes", markup=False)
