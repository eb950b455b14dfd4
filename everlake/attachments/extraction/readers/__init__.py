"""One file's text, by its format. Runs only in a process of its own."""

import os
from functools import partial
from typing import BinaryIO

from everlake.attachments.extraction.formats import FileFormat, detect_format
from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers import (
    documents,
    image,
    mail,
    pdf,
    plain_text,
    rtf,
    slides,
    speech,
    spreadsheet,
    tabular,
)
from everlake.attachments.extraction.text_builder import TextBuilder, TextLimitReached
from everlake.attachments.extraction.types import (
    AttachmentText,
    RecordingDetected,
    TextCode,
    TextError,
)

_READERS = {
    FileFormat.PDF: pdf.read,
    FileFormat.DOCX: documents.read_docx,
    FileFormat.ODT: documents.read_odf,
    FileFormat.ODP: documents.read_odf,
    FileFormat.PPTX: slides.read,
    FileFormat.XLSX: spreadsheet.read_xlsx,
    FileFormat.XLS: spreadsheet.read_xls,
    FileFormat.ODS: documents.read_odf,
    FileFormat.CSV: tabular.read_csv,
    FileFormat.TSV: tabular.read_tsv,
    FileFormat.HTML: plain_text.read_html,
    FileFormat.RTF: rtf.read,
    FileFormat.EMAIL: mail.read,
    FileFormat.CAPTIONS: plain_text.read_captions,
    FileFormat.TEXT: plain_text.read_text,
    FileFormat.IMAGE: image.read,
}
_TRUNCATED_FORMATS = {
    FileFormat.CSV,
    FileFormat.TSV,
    FileFormat.HTML,
    FileFormat.CAPTIONS,
    FileFormat.TEXT,
}
_UNLIMITED_FORMATS = {*_TRUNCATED_FORMATS, FileFormat.RECORDING}
_UNSUPPORTED_MESSAGES = {
    FileFormat.OLD_OFFICE: "Word and PowerPoint files of before 2007 are not read: save it as .docx, "
    ".pptx or PDF",
    FileFormat.OTHER: "no text is read out of files of this format: save it as PDF, Word, Excel, "
    "PowerPoint, HTML or plain text",
}


def extract_text(
    file: BinaryIO, task: ExtractionTask, transcriber: speech.Transcriber | None = None
) -> AttachmentText:
    """The text of a file.

    Args:
        file: open for reading, can be sought in.
        task: what is stated of it, and the limits.
        transcriber: writes down speech.

    Raises:
        RecordingFound: it is a recording, and the task is not to write down speech.
        TextError: there is none.
        Exception: anything else that a library raises on a file that is not right.
    """
    size = os.fstat(file.fileno()).st_size
    found = detect_format(file, task.mime_type, task.filename)
    if found is FileFormat.RECORDING and task.speech is None:
        raise RecordingDetected(TextCode.EXTRA_MISSING, speech.MISSING_EXTRA_MESSAGE)
    reader = (
        partial(speech.read, transcriber=transcriber)
        if found is FileFormat.RECORDING
        else _READERS.get(found)
    )
    if reader is None:
        raise TextError(TextCode.UNSUPPORTED, _UNSUPPORTED_MESSAGES[found])
    if size > task.limits.max_file_bytes and found not in _UNLIMITED_FORMATS:
        most = task.limits.max_file_bytes // (1024 * 1024)
        raise TextError(
            TextCode.TOO_LARGE,
            f"a {found} file of more than {most} MB is not read for its text: split it",
        )
    gathered = TextBuilder(task.limits.max_characters)
    try:
        reader(file, gathered, task)
    except TextLimitReached:
        gathered.truncated = True
    return gathered.build()
