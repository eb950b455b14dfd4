"""The ``everlake`` command."""

import sys

import typer

from everlake.catalog.errors import CatalogError
from everlake.cli import admin, batches, demo, doctor, run, search, send
from everlake.cli.context import CommandError, err
from everlake.client import ApiError, Unreachable
from everlake.lake import LakeError
from everlake.settings import SettingsError
from everlake.storage import StorageError

app = typer.Typer(
    name="everlake",
    help="Everlake keeps and searches what customers say. Start with: everlake serve",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for command in (
    run.init,
    run.serve,
    run.api,
    run.worker,
    send.send,
    search.search,
    demo.demo,
    doctor.doctor,
):
    app.command()(command)
app.add_typer(admin.workspaces_app, name="workspaces")
app.add_typer(admin.products_app, name="products")
app.add_typer(admin.projects_app, name="projects")
app.add_typer(admin.keys_app, name="keys")
app.add_typer(batches.app, name="batches")

_EXPECTED = (
    CommandError,
    SettingsError,
    CatalogError,
    StorageError,
    LakeError,
    ApiError,
    Unreachable,
    run.AddressInUse,
)


def main() -> None:
    """Run the command line; an expected error is one line on standard error and exit code 1."""
    try:
        app()
    except _EXPECTED as error:
        err.print(f"everlake: {error}", markup=False)
        sys.exit(1)
