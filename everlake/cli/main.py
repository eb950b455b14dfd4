"""The ``everlake`` command: its commands, each imported when it is run, and its errors."""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from io import TextIOWrapper
from typing import Annotated, ClassVar, cast

import typer

from everlake import __version__
from everlake.cli.lazy import LazyGroup


class Commands(LazyGroup):
    """The commands."""

    lazy_commands: ClassVar = {
        "init": ("init:init", "Create a first workspace, product, project and key."),
        "serve": ("serve:serve", "Run everything on this machine: the API and a worker."),
        "api": ("roles:api", "Run the API alone; everlake worker does the rest."),
        "worker": (
            "roles:worker",
            "Run a worker alone: it processes the batches that an API has accepted.",
        ),
        "send": (
            "send.command:send",
            "Send records from files, in requests of at most 1,000 records and 5 MB.",
        ),
        "batches": ("batches:app", "Batches and their progress."),
        "search": ("search:search", "Search for what was said, best match first."),
        "lake": (
            "lake:app",
            "The lake's tables: queries, exports, checks and rebuilds.",
        ),
        "db": ("db:app", "The catalog's database: its schema, and copying it to another database."),
        "demo": (
            "demo:demo",
            "Start Everlake with sample data, and show the results.",
        ),
        "sample": (
            "sample:sample",
            "Print sample records as NDJSON, to be sent with everlake send.",
        ),
        "doctor": (
            "doctor:doctor",
            "Check settings, database, storage, lake, workers, queue, disk, clock and versions.",
        ),
        "workspaces": ("workspaces:app", "Workspaces, which are isolated from each other."),
        "products": ("products:app", "Products that records are about."),
        "projects": ("projects:app", "Projects of a product."),
        "keys": ("keys:app", "API keys of a workspace."),
    }


app = typer.Typer(
    cls=Commands,
    name="everlake",
    help="Everlake stores and searches customer conversations. Start with: everlake serve",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"everlake {__version__}")
        raise typer.Exit


@app.callback()
def everlake(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Everlake stores and searches customer conversations. Start with: everlake serve"""


class PandasBlocker:
    """Import finder that hides pandas.

    pyarrow imports it where it is installed, which takes 0.3 s of processor time and 33 MB in each
    process, and nothing here uses it.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> ModuleSpec | None:
        """Return None, which leaves a module to the other finders.

        Raises:
            ModuleNotFoundError: for pandas.
        """
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not used here", name=name)
        return None


def program() -> None:
    """Run :func:`main` in a process that runs nothing else."""
    sys.meta_path.insert(0, PandasBlocker)
    main()


def main() -> None:
    """Run the command line; an expected error is one line on standard error and exit code 1."""
    # Otherwise a greeting waits in a buffer when the output goes to a file or a pipe.
    cast("TextIOWrapper", sys.stdout).reconfigure(line_buffering=True)
    try:
        app()
    except Exception as error:
        errors = import_module("everlake.cli.errors")
        if not isinstance(error, errors.EXPECTED_ERRORS):
            raise
        sys.stderr.write(f"everlake: {errors.message_of(error)}\n")
        sys.exit(1)
