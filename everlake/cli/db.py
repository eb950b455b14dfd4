"""``everlake db``."""

import typer

from everlake.cli.console import out
from everlake.cli.db_copy import copy
from everlake.cli.options import DataOption, load_settings
from everlake.operations.opening import upgrade_catalog

app = typer.Typer(
    help="The catalog's database: its schema, and copying it to another database.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def database() -> None:
    """The catalog's database: its schema, and copying it to another database."""


@app.command()
def upgrade(data: DataOption = None) -> None:
    """Upgrade the schema of the database to this version.

    It is safe to run this again, and on many machines at once: one upgrades, the others wait. A
    SQLite database is upgraded by every other command as well.

    Example: everlake db upgrade
    """
    upgrade_catalog(load_settings(data))
    out.print("The schema of the database is the one that this version needs.")


app.command("copy")(copy)
