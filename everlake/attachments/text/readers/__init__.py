"""One file's text, by its format. Runs only in a process of its own."""

import os
from functools import partial
from typing import BinaryIO

from everlake.attachments.text.formats import Format, format_of
from everlake.attachments.text.gather import Full, Gathered
from everlake.attachments.text.model import AttachmentText, RecordingFound, TextCode, TextError
from everlake.attachments.text.readers import (
    documents,
    image,
    mail,
    pdf,
    rich,
    slides,
    speech,
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
_OF_ANY_SIZE = {*_CUT, Format.RECORDING}
_ADVICE = {
    Format.OLD_OFFICE: "Word and PowerPoint files of before 2007 are not read: save it as .docx, "
    ".pptx or PDF",
    Format.OTHER: "no text is read out of files of this format: save it as PDF, Word, Excel, "
    "PowerPoint, HTML or plain text",
}


def read(file: BinaryIO, task: Task, listener: speech.Listener | None = None) -> AttachmentText:
    """The text of a file.

    Args:
        file: open for reading, can be sought in.
        task: what is stated of it, and the limits.
        listener: writes down speech.

    Raises:
        RecordingFound: it is a recording, and the task is not to write down speech.
        TextError: there is none.
        Exception: anything else that a library raises on a file that is not right.
    """
    size = os.fstat(file.fileno()).st_size
    found = format_of(file, task.mime_type, task.filename)
    if found is Format.RECORDING and task.speech is None:
        raise RecordingFound(TextCode.EXTRA_MISSING, speech.MISSING)
    reader = (
        partial(speech.read, listener=listener)
        if found is Format.RECORDING
        else _READERS.get(found)
    )
    if reader is None:
        raise TextError(TextCode.UNSUPPORTED, _ADVICE[found])
    if size > task.limits.most_file_bytes and found not in _OF_ANY_SIZE:
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
