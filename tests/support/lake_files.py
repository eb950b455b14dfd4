"""Files of a lake in a directory, and other processes' views of it."""

from pathlib import Path

from everlake.lake import Lake
from everlake.tables.local_backend import LocalTableBackend

WORKSPACE = "w"


def workspace_directory(lake: Lake) -> Path:
    """The directory of the tables of the workspace ``w``."""
    return Path(lake.engine.table_set(WORKSPACE).uri)


def table_directory(lake: Lake, table: str) -> Path:
    """The directory of a table of the workspace ``w``."""
    return workspace_directory(lake) / f"{table}.lance"


def storage_root(lake: Lake) -> Path:
    """The directory of the storage that the lake is in."""
    return workspace_directory(lake).parents[1]


def reopened(lake: Lake) -> Lake:
    """The same lake as another process opens it."""
    return Lake(LocalTableBackend(storage_root(lake)))
