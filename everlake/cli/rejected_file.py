"""A file of refused records, to be corrected and sent again."""

from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from everlake.cli.console import fail
from everlake.client.record_reader import on_one_line
from everlake.client.types import RejectedInput


class RejectedFile:
    """Takes the texts of refused records, one a line, as they become known.

    It is a new file, and it is taken away again when nothing was refused.

    Raises:
        CommandError: there is such a file already, or it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.records = 0
        self.path = path
        try:
            self._file: BinaryIO = path.open("xb")
        except FileExistsError:
            fail(f"{path} is there already: name another file, or move that one away")
        except OSError as error:
            fail(f"{path} cannot be made: {error.strerror}")

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

    def add(self, refused: RejectedInput) -> None:
        """Append a record, where its text is known.

        Raises:
            CommandError: it cannot be written.
        """
        if not refused.payload:
            return
        try:
            self._file.write(on_one_line(refused.payload) + b"\n")
            self._file.flush()
        except OSError as error:
            fail(f"{self.path} cannot be written to: {error.strerror}")
        self.records += 1
