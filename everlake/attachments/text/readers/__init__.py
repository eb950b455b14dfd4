"""One file's text, by its format. Runs only in a process of its own."""

import os
from typing import BinaryIO

from everlake.attachments.text.formats import Format, format_of
from everlake.attachments.text.gather import Full, Gathered
from everlake.attachments.text.model import AttachmentText, TextCode, TextError
from everlake.attachments.text.readers import (
    documents,
    image,
    mail,
    pdf,
    rich,
    slides,
    table,
    words,
    workbook,
)
from everlake.attachments.text.wire import Task

_READERS = {
    Format.PDF: pdf.read,
    Format.DOCX: documents.read_word,
    Format.ODT: documents.read_open_document,
    Format.ODP: documents.read_open_document,
    Format.PPTX: slides.read,
    Format.XLSX: workbook.read_excel,
    Format.XLS: workbook.read_old_excel,
    Format.ODS: documents.read_open_document,
    Format.CSV: table.read_commas,
    Format.TSV: table.read_tabs,
    Format.HTML: words.read_html,
    Format.RTF: rich.read,
    Format.EMAIL: mail.read,
    Format.CAPTIONS: words.read_captions,
    Format.TEXT: words.read_text,
    Format.IMAGE: image.read,
}
_CUT = {Format.CSV, Format.TSV, Format.HTML, Format.CAPTIONS, Format.TEXT}
_ADVICE = {
    Format.RECORDING: "speech in audio and video is not written down: attach its transcript as a "
    "VTT, SRT or text file",
    Format.OLD_OFFICE: "Word and PowerPoint files of before 2007 are not read: save it as .docx, "
    ".pptx or PDF",
    Format.OTHER: "no text is read out of files of this format: save it as PDF, Word, Excel, "
    "PowerPoint, HTML or plain text",
}


def read(file: BinaryIO, task: Task) -> AttachmentText:
    """The text of a file.

    Args:
        file: open for reading, can be sought in.
        task: what is stated of it, and the limits.

    Raises:
        TextError: there is none.
        Exception: anything else that a library raises on a file that is not right.
    """
    size = os.fstat(file.fileno()).st_size
    found = format_of(file, task.mime_type, task.filename)
    reader = _READERS.get(found)
    if reader is None:
        raise TextError(TextCode.UNSUPPORTED, _ADVICE[found])
    if size > task.limits.most_file_bytes and found not in _CUT:
        most = task.limits.most_file_bytes // (1024 * 1024)
        raise TextError(
            TextCode.TOO_LARGE,
            f"a {found} file of more than {most} MB is not read for its text: split it",
        )
    gathered = Gathered(task.limits.most_characters)
    try:
        reader(file, gathered, task)
    except Full:
        gathered.truncated = True
    return gathered.result()
