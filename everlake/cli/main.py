"""The ``everlake`` command. Each command's module is imported when it is asked for."""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from io import TextIOWrapper
from typing import ClassVar, cast

import typer

from everlake.cli.lazy import LazyGroup


class Commands(LazyGroup):
    """Everything that ``everlake`` can do."""

    lazy_commands: ClassVar = {
        "init": ("serve:init", "Create a first workspace, product, project and key."),
        "serve": ("serve:serve", "Run everything on this machine: the API and a worker."),
        "api": ("roles:api", "Run the API alone; everlake worker does the rest."),
        "worker": (
            "roles:worker",
            "Run a worker alone: it lands and analyses what an API has accepted.",
        ),
        "send": (
            "send:send",
            "Send records from files, in requests of at most 1,000 records and 5 MB.",
        ),
        "batches": ("batches:app", "Batches and how far they are."),
        "search": ("search:search", "Search what people said, best answer first."),
        "lake": (
            "lake:app",
            "The lake's tables: SQL over them, copies of them, and whether they are right.",
        ),
        "db": ("db:app", "The catalog's database: its schema, and a move to another one."),
        "demo": ("demo:demo", "Start Everlake on sample data, show what comes out, and stay up."),
        "doctor": (
            "doctor:doctor",
            "Check configuration, database, storage, disk and versions; exit code 1 on trouble.",
        ),
        "workspaces": ("admin:workspaces_app", "Workspaces: each sees only its own."),
        "products": ("admin:products_app", "Products that records are about."),
        "projects": ("admin:projects_app", "Projects of a product."),
        "keys": ("admin:keys_app", "API keys."),
    }


app = typer.Typer(
    cls=Commands,
    name="everlake",
    help="Everlake keeps and searches what customers say. Start with: everlake serve",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def everlake() -> None:
    """Everlake keeps and searches what customers say. Start with: everlake serve"""


class PandasBlocker:
    """Hides pandas from imports.

    pyarrow loads it wherever it is installed: 0.3 s of processor time and 33 MB a process, and
    nothing here uses it.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> ModuleSpec | None:
        """
        Raises:
            ModuleNotFoundError: for pandas.
        """
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not used here", name=name)
        return None


def program() -> None:
    """:func:`main`, in a process that is ours alone."""
    sys.meta_path.insert(0, PandasBlocker)
    main()


def main() -> None:
    """Run the command line; an expected error is one line on standard error and exit code 1."""
    # A greeting must not wait in a buffer when output goes to a file or a pipe.
    cast("TextIOWrapper", sys.stdout).reconfigure(line_buffering=True)
    try:
        app()
    except Exception as error:
        expected: tuple[type[Exception], ...] = import_module("everlake.cli.errors").EXPECTED_ERRORS
        if not isinstance(error, expected):
            raise
        sys.stderr.write(f"everlake: {error}\n")
        sys.exit(1)
