"""Options that several commands have, and the settings that they lead to."""

from typing import Annotated

import typer

from everlake.settings import Settings, load

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8400

DataOption = Annotated[
    str | None,
    typer.Option("--data", help="Data directory (EVERLAKE_DATA, default ./everlake-data)."),
]
WorkspaceOption = Annotated[
    str | None, typer.Option("--workspace", help="Workspace id; the oldest workspace by default.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All workspaces.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
HostOption = Annotated[str, typer.Option("--host", help="Address to listen on.")]
PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")]


def load_settings(data: str | None = None) -> Settings:
    """Return the settings.

    Args:
        data: the data directory from the command line; None for the one of the settings.
    """
    return load({"data": data})
