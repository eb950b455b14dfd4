"""Command groups whose commands are imported when they are run."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

_VALUE_OF = {
    "data": "DIRECTORY",
    "to": "DIRECTORY",
    "host": "ADDRESS",
    "key": "KEY",
    "port": "PORT",
    "product_id": "ID",
    "project_id": "ID",
    "url": "URL",
    "workspace": "ID",
}
"""What the value of an option is, by the option's name."""

_KIND_OF = {int: "NUMBER", float: "NUMBER", Path: "FILE", list[Path]: "FILE"}


def load_command(target: str, name: str) -> Any:
    """Import a command.

    Args:
        target: its module in this package, a colon, and its function or typer app in it.
        name: of the command.
    """
    module, _, member = target.partition(":")
    found = getattr(import_module(f"everlake.cli.{module}"), member)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name)(found)
        found = alone
    command = get_command(found)
    command.name = name
    _write_for_people(command)
    return command


def _write_for_people(command: Any) -> None:
    """Name values by what they are in place of their Python types, and leave summaries whole."""
    for inner in getattr(command, "commands", {}).values():
        summary, _, _ = (inner.help or "").partition("\n\n")
        inner.short_help = summary.replace("\n", " ")
        _write_for_people(inner)
    for parameter in command.params:
        described = parameter.type_descriptor
        if parameter.param_type_name == "argument":
            parameter.metavar = parameter.metavar or parameter.name.upper()
            parameter.display_type_rich = _no_type
        elif parameter.metavar is None and not described.is_choice and not parameter.is_flag:
            kind = _KIND_OF.get(described.annotation, "TEXT")
            parameter.metavar = _VALUE_OF.get(parameter.name, kind)


def _no_type(ctx: Any) -> None:
    """Describe the type of an argument, whose name and help say what it is."""


class LazyGroup(TyperGroup):
    """Group whose commands are imported when they are run, and not for a help or a completion."""

    lazy_commands: ClassVar[Mapping[str, tuple[str, str]]]
    """By name, in the order of the help: target for :func:`load_command`, and summary."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._listing = False
        for name, (_, summary) in self.lazy_commands.items():
            self.add_command(TyperCommand(name, help=summary, short_help=summary))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return a command; None when there is none of that name."""
        if self._listing or cmd_name not in self.lazy_commands:
            return super().get_command(ctx, cmd_name)
        return load_command(self.lazy_commands[cmd_name][0], cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands in the help."""
        with self._without_imports():
            super().format_commands(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return what a shell proposes in place of ``incomplete``."""
        with self._without_imports():
            return super().shell_complete(ctx, incomplete)

    @contextmanager
    def _without_imports(self) -> Generator[None]:
        """For the length of a block, let commands be names and summaries."""
        self._listing = True
        try:
            yield
        finally:
            self._listing = False
