"""The ``everlake`` command. Each command's module is imported when it is asked for."""

import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS = {
    "init": "run:init",
    "serve": "run:serve",
    "api": "roles:api",
    "worker": "roles:worker",
    "send": "send:send",
    "batches": "batches:app",
    "search": "search:search",
    "demo": "demo:demo",
    "doctor": "doctor:doctor",
    "workspaces": "admin:workspaces_app",
    "products": "admin:products_app",
    "projects": "admin:projects_app",
    "keys": "admin:keys_app",
}
"""Each command's module in this package, and its function or group there."""


class LazyCommands(TyperGroup):
    """The commands by name; a command that is not run costs no import."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """Names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """The command, imported now; None where there is none of that name."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        found = getattr(import_module(f"everlake.cli.{module}"), name)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(cmd_name)(found)
            found = alone
        command = get_command(found)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=LazyCommands,
    name="everlake",
    help="Everlake keeps and searches what customers say. Start with: everlake serve",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def everlake() -> None:
    """Everlake keeps and searches what customers say. Start with: everlake serve"""


def main() -> None:
    """Run the command line; an expected error is one line on standard error and exit code 1."""
    # A greeting must not wait in a buffer when output goes to a file or a pipe.
    cast("TextIOWrapper", sys.stdout).reconfigure(line_buffering=True)
    try:
        app()
    except Exception as error:
        expected: tuple[type[Exception], ...] = import_module("everlake.cli.errors").EXPECTED
        if not isinstance(error, expected):
            raise
        sys.stderr.write(f"everlake: {error}\n")
        sys.exit(1)
