"""Command groups whose commands are imported when they are run."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


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
    return command


class LazyGroup(TyperGroup):
    """Group whose commands are imported when they are run, and not for a help or a completion."""

    lazy_commands: ClassVar[Mapping[str, tuple[str, str]]]
    """By name, in the order of the help: target for :func:`load_command`, and summary."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._listing = False
        for name, (_, summary) in self.lazy_commands.items():
            self.add_command(TyperCommand(name, help=summary))

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
