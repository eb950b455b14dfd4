"""Errors of the table engine, and the classification of Lance's own errors."""

from enum import Enum, auto


class ErrorKind(Enum):
    """Cause of an error of Lance."""

    CONFLICT = auto()
    """Another writer committed first."""

    EXISTS = auto()
    """The table to create exists already."""

    MISSING = auto()
    """A table, version or file does not exist."""

    CORRUPT = auto()
    """A file does not hold what was written to it."""

    RESOURCES = auto()
    """The disk or the memory does not suffice, or the operating system reports an I/O error."""

    OTHER = auto()


_PATTERNS = (
    (ErrorKind.CONFLICT, ("conflict", "incompatible transaction")),
    (ErrorKind.EXISTS, ("already exists",)),
    (ErrorKind.MISSING, ("not found", "(os error 2)")),
    (
        ErrorKind.CORRUPT,
        ("corrupt", "invalid range", "not have sufficient data", "failed to decode"),
    ),
    (ErrorKind.RESOURCES, ("os error", "resources exhausted")),
)
"""Parts of Lance's messages, in lower case; the first that occurs decides."""


def classify(message: str) -> ErrorKind:
    """Return the cause that a message of Lance tells of.

    Lance raises ``OSError``, ``ValueError`` and pyarrow's errors without a code, so only the text
    tells them apart. ``tests/integration/tables/test_lance_errors.py`` provokes each kind.
    """
    text = message.lower()
    for kind, patterns in _PATTERNS:
        if any(pattern in text for pattern in patterns):
            return kind
    return ErrorKind.OTHER


class LanceError(Exception):
    """Lance failed to read or write; the text is Lance's own."""

    @property
    def cause(self) -> str:
        """The text without the place in Lance's source code."""
        return str(self).split(", /", 1)[0]

    @property
    def kind(self) -> ErrorKind:
        """What went wrong."""
        return classify(self.cause)


class TableNotFound(LanceError):
    """No table exists at the path."""


class LakeError(Exception):
    """An operation on the lake failed. The message says what to do."""


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
