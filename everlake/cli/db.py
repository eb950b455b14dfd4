"""``everlake db``."""

import typer

from everlake.catalog.opening import open_catalog
from everlake.cli.context import DataOption, load_settings, out
from everlake.cli.db_copy import copy

app = typer.Typer(
    help="The catalog's database: its schema, and a move to another one.", no_args_is_help=True
)


@app.callback()
def database() -> None:
    """The catalog's database: its schema, and a move to another one."""


@app.command()
def upgrade(data: DataOption = None) -> None:
    """Bring the database's schema up to what this version needs.

    Safe to call again, and from many machines at once: one does it, the others wait. On SQLite
    every command does it by itself.

    Example: everlake db upgrade
    """
    settings = load_settings(data)
    catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
    try:
        catalog.upgrade()
    finally:
        catalog.close()
    out.print("The database's schema is the one this version needs.")


app.command("copy")(copy)
