"""Spreadsheets: ``.xlsx`` (openpyxl, which streams) and ``.xls`` (calamine)."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import openpyxl
import python_calamine
from openpyxl import Workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._reader import WorkSheetParser

from everlake.attachments.extraction.errors import (
    TextError,
    damaged_file,
    encrypted_file,
    unsupported_format,
)
from everlake.attachments.extraction.formats import FileFormat, declared_format
from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers.tabular import (
    RowWriter,
    collapse_whitespace,
    filled_cells,
)
from everlake.attachments.extraction.readers.zip_package import open_package
from everlake.attachments.extraction.text_builder import TextBuilder


def read_xlsx(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """Add the sheets of an ``.xlsx`` in order, formulas as their last values.

    Only the table of shared strings is in memory as a whole; a sheet is read until the text has
    its greatest length.

    Raises:
        TextError: the file is damaged, encrypted or too large once unpacked.
    """
    with open_package(file, task.limits):
        file.seek(0)
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except (InvalidFileException, SyntaxError, TypeError, ValueError) as error:
            raise damaged_file("it is not a complete workbook") from error
        for sheet in book.worksheets:
            RowWriter(builder, f"sheet {sheet.title}").add_all(_xlsx_rows(book, sheet))


def _xlsx_rows(book: Workbook, sheet: Any) -> Iterator[dict[int, str]]:
    """Yield the rows of a sheet that the file has, by column.

    ``sheet.iter_rows`` yields the rows and cells in between as well, and their numbers are whatever
    the file says: row 999999999 takes it an hour.
    """
    with sheet._get_source() as source:  # noqa: SLF001
        parser = WorkSheetParser(
            source,
            sheet._shared_strings,  # noqa: SLF001
            data_only=True,
            epoch=book.epoch,
            date_formats=cast("Any", book)._date_formats,  # noqa: SLF001
            timedelta_formats=cast("Any", book)._timedelta_formats,  # noqa: SLF001
        )
        for _, cells in parser.parse():
            row = filled_cells((cell["column"], _cell_text(cell["value"])) for cell in cells)
            yield dict(sorted(row.items()))


def read_xls(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """Add the sheets of an ``.xls`` in order; each is in memory as a whole.

    Raises:
        TextError: the file is damaged or encrypted, or not a spreadsheet.
    """
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(file)
    except python_calamine.PasswordError as error:
        raise encrypted_file() from error
    except python_calamine.CalamineError as error:
        raise _not_workbook_error(file, task, error) from error
    for name in book.sheet_names:
        RowWriter(builder, f"sheet {name}").add_all(_xls_rows(book, name))


def _xls_rows(book: python_calamine.CalamineWorkbook, name: str) -> Iterator[dict[int, str]]:
    try:
        sheet = book.get_sheet_by_name(name)
    except python_calamine.CalamineError:  # a chart
        return
    for row in sheet.iter_rows():
        # An empty cell is an empty string, and there may be millions between two others.
        yield filled_cells(
            (column, _cell_text(value)) for column, value in enumerate(row) if value != ""
        )


def _not_workbook_error(file: BinaryIO, task: ExtractionTask, error: Exception) -> TextError:
    """Return the error for a compound file that is not an ``.xls``: it may be encrypted."""
    file.seek(0)
    # The stream that ECMA-376 files are encrypted into; names are in UTF-16 (MS-CFB 2.6.1).
    if "password" in str(error).lower() or "EncryptedPackage".encode("utf-16-le") in file.read():
        return encrypted_file()
    if declared_format(task.mime_type, task.filename) is FileFormat.XLS:
        return damaged_file("it is not a complete workbook")
    return unsupported_format()


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    return collapse_whitespace(str(value))
