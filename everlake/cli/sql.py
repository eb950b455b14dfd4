"""``everlake lake sql``."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from everlake.cli import query_output
from everlake.cli.console import fail, out
from everlake.cli.options import DataOption, JsonOption, WorkspaceOption, load_settings
from everlake.export.sql import open_sql
from everlake.lake.opening import open_lake
from everlake.operations.opening import existing_catalog
from everlake.operations.workspaces import resolve_workspace
from everlake.runtime.interrupt import exits_immediately_on_signal


def sql(
    query: Annotated[
        str | None, typer.Argument(help="One SELECT statement; - to read it from standard input.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Read the statement from this file.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
) -> None:
    """Query the tables records, arrivals and utterances in SQL, as DuckDB understands it.

    Example: everlake lake sql "SELECT type, count(*) FROM records GROUP BY 1"
    """
    if csv and json:
        raise typer.BadParameter("--csv and --json exclude each other")
    statement = _read_statement(query, file)
    settings = load_settings(data)
    with (
        existing_catalog(settings) as catalog,
        TemporaryDirectory(prefix="everlake-sql-") as name,
    ):
        workspace_id = resolve_workspace(catalog, workspace)
        directory = Path(name)
        with (
            exits_immediately_on_signal(directory),
            open_sql(open_lake(settings.archive_url, catalog), workspace_id, directory) as session,
        ):
            result = session.query(statement)
            if json:
                query_output.write_json_lines(result.json_rows())
            elif csv:
                query_output.write_csv(result.columns, result.text_rows())
            elif out.is_terminal:
                query_output.show_table(result.columns, result.text_rows())
            else:
                query_output.write_tsv(result.columns, result.text_rows())


def _read_statement(query: str | None, file: Path | None) -> str:
    if (query is None) == (file is None):
        raise typer.BadParameter("give one statement: as the argument, as - or with --file")
    try:
        if file is not None:
            return file.read_text("utf-8")
        if query == "-":
            return sys.stdin.buffer.read().decode()
        (query or "").encode()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")
    except UnicodeError:
        fail("the statement is not UTF-8")
    return query or ""
