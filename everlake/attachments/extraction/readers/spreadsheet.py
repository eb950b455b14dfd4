"""Spreadsheets: ``.xlsx`` (openpyxl, which streams) and ``.xls`` (calamine)."""

import datetime as dt
from collections.abc import Iterator
from typing import BinaryIO

import openpyxl
import python_calamine
from openpyxl.utils.exceptions import InvalidFileException

from everlake.attachments.extraction.errors import (
    TextError,
    damaged_file,
    encrypted_file,
    unsupported_format,
)
from everlake.attachments.extraction.formats import FileFormat, declared_format
from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers.tabular import RowWriter, collapse_whitespace
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
            # The dimensions that a sheet states may be wrong; without them a row ends with its last
            # cell.
            sheet.reset_dimensions()
            rows = sheet.iter_rows(values_only=True)
            RowWriter(builder, f"sheet {sheet.title}").add_all(
                [_cell_text(v) for v in row] for row in rows
            )


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
        rows = _rows(book, name)
        RowWriter(builder, f"sheet {name}").add_all(rows)


def _rows(book: python_calamine.CalamineWorkbook, name: str) -> Iterator[list[str]]:
    try:
        sheet = book.get_sheet_by_name(name)
    except python_calamine.CalamineError:  # a chart
        return
    for row in sheet.iter_rows():
        yield [_cell_text(value) for value in row]


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
