"""What the lake cannot do. Every message tells a person what to do."""


class LakeError(Exception):
    """The lake could not do what it was asked."""


class LakeUnavailable(LakeError):
    """A table cannot be read or written now: disk full, I/O error, or another writer.

    Nothing was promised; the same call may succeed later.
    """


class LakeDamaged(LakeError):
    """A table is torn or unreadable. It is derived, so nothing is lost (design, rule 3).

    Args:
        workspace: the workspace whose table it is.
        table: the table's name.
        cause: what the reader of the table said.
    """

    def __init__(self, workspace: str, table: str, cause: str) -> None:
        super().__init__(
            f"The lake table {table!r} of workspace {workspace} cannot be read: {cause}. "
            "No record is lost: the landing archive holds them all. "
            f"Make the tables again: everlake lake rebuild --workspace {workspace}"
        )
        self.workspace = workspace
        self.table = table


class SqlError(LakeError):
    """A statement cannot be run; the text is the engine's own, on one line."""


class ExportError(LakeError):
    """A table cannot be copied to where it should go."""
