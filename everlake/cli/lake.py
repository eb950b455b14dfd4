"""``everlake lake``: commands on the lake's tables, each imported when it is run."""

from typing import ClassVar

import typer

from everlake.cli.lazy import LazyGroup


class LakeCommands(LazyGroup):
    """The commands."""

    lazy_commands: ClassVar = {
        "sql": (
            "sql:sql",
            "Query the tables records, arrivals and utterances in SQL, as DuckDB understands it.",
        ),
        "export": (
            "export:export",
            "Copy a table as it is now into files, in folders by source, type and day.",
        ),
        "rebuild": (
            "rebuild:rebuild",
            "Rebuild the tables from the landing archive and the catalog.",
        ),
        "tables": (
            "tables:tables",
            "List the tables: rows, current version, and location.",
        ),
        "verify": (
            "verify:verify",
            "Check that archive, catalog and tables agree; the exit code is 1 if they do not.",
        ),
    }


app = typer.Typer(
    cls=LakeCommands,
    help="The lake's tables: queries, exports, checks and rebuilds.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def lake() -> None:
    """The lake's tables: queries, exports, checks and rebuilds."""
