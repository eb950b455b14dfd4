"""Errors of the table engine. Every message of a `LakeError` says what to do."""


class LanceError(Exception):
    """Lance failed to read or write; the text is Lance's own."""


class TableNotFound(LanceError):
    """No table exists at the path."""


class LakeError(Exception):
    """An operation on the lake failed."""


class LakeUnavailable(LakeError):
    """A table cannot be read or written now: disk full, I/O error, or another writer.

    Nothing was promised; the same call may succeed later.
    """


class LakeDamaged(LakeError):
    """A table is corrupt or unreadable. No data is lost, since tables are derived.

    Args:
        workspace: the workspace of the table.
        table: the table's name.
        cause: Lance's message.
    """

    def __init__(self, workspace: str, table: str, cause: str) -> None:
        super().__init__(
            f"The lake table {table!r} of workspace {workspace} cannot be read: {cause}. "
            "No record is lost: the landing archive holds them all. "
            f"Make the tables again: everlake lake rebuild --workspace {workspace}"
        )
        self.workspace = workspace
        self.table = table
