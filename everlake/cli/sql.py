"""``everlake lake sql``: the tables asked in SQL."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from everlake.cli import rows
from everlake.cli.context import (
    DataOption,
    JsonOption,
    WorkspaceOption,
    fail,
    open_existing,
    out,
    settings_of,
    workspace_id_of,
)
from everlake.cli.interrupt import ends_at_once
from everlake.lake.opening import open_lake
from everlake.lake.sql import open_sql


def sql(
    query: Annotated[
        str | None, typer.Argument(help="One statement that reads; - for standard input.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Read the statement from this file.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
) -> None:
    """Ask the tables records, arrivals and utterances in SQL (DuckDB's).

    Example: everlake lake sql "SELECT type, count(*) FROM records GROUP BY 1"
    """
    if csv and json:
        raise typer.BadParameter("--csv and --json exclude each other")
    statement = _statement(query, file)
    settings = settings_of(data)
    with (
        open_existing(settings) as catalog,
        TemporaryDirectory(prefix="everlake-sql-") as name,
    ):
        with catalog.read() as tx:
            workspace_id = workspace_id_of(tx, workspace)
        overflow = Path(name)
        with (
            ends_at_once(overflow),
            open_sql(open_lake(settings.archive_url, catalog), workspace_id, overflow) as session,
        ):
            answer = session.ask(statement)
            if json:
                rows.write_objects(answer.objects())
            elif csv:
                rows.write_csv(answer.columns, answer.texts())
            elif out.is_terminal:
                rows.show(answer.columns, answer.texts())
            else:
                rows.write_tabs(answer.columns, answer.texts())


def _statement(query: str | None, file: Path | None) -> str:
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
