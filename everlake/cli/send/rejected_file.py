"""File of rejected records, to be corrected and sent again."""

from itertools import count
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from everlake.cli.console import fail
from everlake.client.record_reader import on_one_line
from everlake.client.types import RejectedInput


class RejectedFile:
    """New file of rejected records, one a line, written while they become known.

    It is deleted at the end if no record was rejected.

    Args:
        path: of the file.

    Raises:
        CommandError: the file exists, or cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.records = 0
        """Number of records written."""
        self.path = path
        try:
            self._file: BinaryIO = path.open("xb")
        except FileExistsError:
            fail(f"{path} exists: name another file, or move that one")
        except OSError as error:
            fail(f"{path} cannot be created: {error.strerror}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if not self.records:
            self.path.unlink()

    def free_path(self) -> Path:
        """Return the path of a file beside this one that does not exist."""
        numbered = (
            self.path.with_name(f"{self.path.stem}-{number}{self.path.suffix}")
            for number in count(2)
        )
        return next(path for path in numbered if not path.exists())

    def add(self, rejected: RejectedInput) -> None:
        """Write a record, if its text is known.

        Raises:
            CommandError: the file cannot be written to.
        """
        if not rejected.payload:
            return
        try:
            self._file.write(on_one_line(rejected.payload) + b"\n")
            self._file.flush()
        except OSError as error:
            fail(f"{self.path} cannot be written to: {error.strerror}")
        self.records += 1
