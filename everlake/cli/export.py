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
from everlake.lake.derived_tables import DERIVED_TABLES
from everlake.lake.opening import open_lake
from everlake.lake.record_rows import RECORDS_TABLE

DEFAULT_DIRECTORY = "everlake-export"


class ExportFormat(StrEnum):
    """What files can be made."""

    PARQUET = "parquet"


_TABLES = DERIVED_TABLES.names


def _table_name(text: str) -> str:
    if text not in _TABLES:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(map(repr, _TABLES))}.")
    return text


def export(
    form: Annotated[
        ExportFormat, typer.Option("--format", help="Of the files.")
    ] = ExportFormat.PARQUET,
    to: Annotated[Path, typer.Option("--to", help="A directory that is new or empty.")] = Path(
        DEFAULT_DIRECTORY
    ),
    table: Annotated[
        str,
        typer.Option(
            "--table", parser=_table_name, metavar=f"<{'|'.join(_TABLES)}>", help="What to copy."
        ),
    ] = RECORDS_TABLE.name,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Copy a table as it is now into files, in folders by source, type and day.

    The directory is there whole or not at all.

    Example: everlake lake export --format parquet --to acme
    """
    settings = load_settings(data)
    with open_existing_catalog(settings) as catalog, reporting_progress(quiet=json) as watch:
        with catalog.snapshot() as tx:
            workspace_id = resolve_workspace_id(tx, workspace)
        lake = open_lake(settings.archive_url, catalog)
        source = lake.engine.table(workspace_id, lake.registry[table].spec)
        done = export_parquet(
            source, to, lambda rows, total: watch(f"copying {table}", rows, total)
        )
    if json:
        summary = {"table": table, "format": form, "directory": str(to.absolute())}
        print_json({**summary, **msgspec.structs.asdict(done)})
    else:
        files = "1 file" if done.files == 1 else f"{done.files:,} files"
        out.print(f"{to}: {done.rows:,} {table} in {files}, {done.bytes:,} bytes", markup=False)
