"""``everlake lake``: its tables as a whole. A command's module is imported when it is run."""

from typing import ClassVar

import typer

from everlake.cli.lazy import LazyGroup


class LakeCommands(LazyGroup):
    """What can be done with the tables."""

    lazy_commands: ClassVar = {
        "sql": ("sql:sql", "Ask the tables records, arrivals and utterances in SQL (DuckDB's)."),
        "export": (
            "export:export",
            "Copy a table as it is now into files, in folders by source, type and day.",
        ),
        "rebuild": (
            "rebuild:rebuild",
            "Make the tables again from the landing archive and the catalog.",
        ),
        "tables": (
            "tables:tables",
            "List the tables: rows, the version that counts, and where each lies.",
        ),
        "verify": (
            "verify:verify",
            "Check that archive, catalog and tables agree; the exit code is 1 where they do not.",
        ),
    }


app = typer.Typer(
    cls=LakeCommands,
    help="The lake's tables: SQL over them, copies of them, and whether they are right.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def lake() -> None:
    """The lake's tables: SQL over them, copies of them, and whether they are right."""
