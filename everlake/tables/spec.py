"""What a table of the lake is: its name, form and indices."""

import re
from typing import Literal, TypeAlias

import msgspec

from everlake.tables import arrow

IndexKind: TypeAlias = Literal["BTREE", "INVERTED"]

LAKE_FOLDER = "lake"
"""All tables lie below this folder of the storage."""

_WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)


class TableSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A table's name, schema, and the kind of index of each indexed column.

    ``weight`` names the column that says how many bytes a row weighs, where rows may be large.
    """

    name: str
    schema: arrow.ArrowSchema
    indexes: dict[str, IndexKind]
    size_column: str | None = None


def workspace_folder(workspace_id: str) -> str:
    """The name of the folder of a workspace's tables.

    Raises:
        ValueError: the id could not be part of a path.
    """
    if not _WORKSPACE.fullmatch(workspace_id):
        raise ValueError("A workspace id is 1 to 128 letters, digits, '-' and '_'.")
    return f"workspace={workspace_id}"
