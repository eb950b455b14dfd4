"""``everlake lake export``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from everlake.cli.console import out, pluralize, print_json
from everlake.cli.options import DataOption, JsonOption, WorkspaceOption, load_settings
from everlake.cli.progress import reporting_progress
from everlake.lake.derived_tables import DERIVED_TABLES
from everlake.lake.opening import open_lake
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.operations.opening import existing_catalog
from everlake.operations.tables import export_table
from everlake.operations.workspaces import resolve_workspace

DEFAULT_DIRECTORY = "everlake-export"


class ExportFormat(StrEnum):
    """File formats of an export."""

    PARQUET = "parquet"


_TABLES = DERIVED_TABLES.names


def _table_name(text: str) -> str:
    if text not in _TABLES:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(map(repr, _TABLES))}.")
    return text


def export(
    form: Annotated[
        ExportFormat, typer.Option("--format", help="Format of the files.")
    ] = ExportFormat.PARQUET,
    to: Annotated[Path, typer.Option("--to", help="Target directory, new or empty.")] = Path(
        DEFAULT_DIRECTORY
    ),
    table: Annotated[
        str,
        typer.Option(
            "--table", parser=_table_name, metavar=f"<{'|'.join(_TABLES)}>", help="Table to copy."
        ),
    ] = RECORDS_TABLE.name,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Copy a table as it is now into files, in folders by source, type and day.

    The target directory holds the whole table afterwards, or nothing.

    Example: everlake lake export --format parquet --to acme
    """
    settings = load_settings(data)
    with existing_catalog(settings) as catalog, reporting_progress(quiet=json) as report:
        done = export_table(
            open_lake(settings.archive_url, catalog),
            resolve_workspace(catalog, workspace),
            table,
            to,
            lambda rows, total: report(f"copying {table}", rows, total),
        )
    if json:
        summary = {"table": table, "format": form, "directory": str(to.absolute())}
        print_json({**summary, **msgspec.structs.asdict(done)})
    else:
        files = pluralize(done.files, "file")
        out.print(f"{to}: {done.rows:,} {table} in {files}, {done.bytes:,} bytes", markup=False)
