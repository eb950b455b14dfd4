"""Options that several commands have, and the settings that they lead to."""

import os
from typing import Annotated

import typer

from everlake.cli.console import err
from everlake.runtime.child_process import LIFELINE_VARIABLE
from everlake.settings import Settings, load, unknown_variables
from everlake.settings.defaults import DEFAULT_HOST, DEFAULT_PORT

DataOption = Annotated[
    str | None,
    typer.Option("--data", help="Data directory (EVERLAKE_DATA, default ./everlake-data)."),
]
WorkspaceOption = Annotated[
    str | None, typer.Option("--workspace", help="Workspace id; the oldest workspace by default.")
]
BatchArgument = Annotated[
    str, typer.Argument(help="Id of the batch, or a beginning that no other has.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All workspaces.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
HostOption = Annotated[
    str | None,
    typer.Option("--host", help=f"Address to listen on (EVERLAKE_HOST, default {DEFAULT_HOST})."),
]
PortOption = Annotated[
    int | None,
    typer.Option(
        "--port",
        min=1,
        max=65535,
        help=f"Port to listen on (EVERLAKE_PORT, default {DEFAULT_PORT}).",
    ),
]


def load_settings(
    data: str | None = None, *, host: str | None = None, port: int | None = None
) -> Settings:
    """Return the settings, and warn of variables that look like one and are none.

    Args:
        data: the data directory from the command line; None for the one of the settings.
        host: the address to listen on, likewise.
        port: the port to listen on, likewise.
    """
    if LIFELINE_VARIABLE not in os.environ:  # set for children of a process that has warned
        for message in unknown_variables():
            err.print(f"everlake: warning: {message}", markup=False)
    return load({"data": data, "host": host, "port": port})
