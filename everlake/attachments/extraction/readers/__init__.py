"""Readers: the text of one file, by its format. Run in a confined process only."""

import os
from contextlib import nullcontext
from functools import partial
from typing import BinaryIO

from everlake.attachments.extraction.errors import (
    RecordingDetected,
    TextCode,
    TextError,
    standard_message,
    unsupported_format,
)
from everlake.attachments.extraction.formats import FileFormat, detect_format
from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.progress import NoProgress, idle_seconds, watch_progress
from everlake.attachments.extraction.readers import (
    documents,
    html,
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
from everlake.attachments.extraction.types import AttachmentText

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
    FileFormat.HTML: html.read,
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
_UNWATCHED_FORMATS = {FileFormat.RECORDING, FileFormat.IMAGE}
"""Those that a model reads, for as long as it takes; their size in seconds or pixels is bounded."""


def extract_text(
    file: BinaryIO, task: ExtractionTask, transcriber: speech.Transcriber | None = None
) -> AttachmentText:
    """Return the text of a file.

    Args:
        file: open for reading, seekable.
        task: what is stated of the file, and the limits.
        transcriber: for recordings; None where they are not transcribed.

    Raises:
        RecordingDetected: the file is a recording, and the task has no options for speech.
        TextError: there is no text for another reason.
        Exception: anything else that a library raises on a file that violates its format.
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
        raise _unsupported(found)
    if size > task.limits.max_file_bytes and found not in _UNLIMITED_FORMATS:
        megabytes = task.limits.max_file_bytes // (1024 * 1024)
        raise TextError(
            TextCode.TOO_LARGE,
            f"no text is extracted from {found} files of more than {megabytes} MB: split it",
        )
    builder = TextBuilder(task.limits.max_characters)
    watch = (
        nullcontext()
        if found in _UNWATCHED_FORMATS
        else watch_progress(lambda: builder.progress, idle_seconds(size))
    )
    try:
        with watch:
            reader(file, builder, task)
    except TextLimitReached:
        builder.truncated = True
    except NoProgress as error:
        if builder.is_empty:
            raise TextError(TextCode.TIMED_OUT, standard_message(TextCode.TIMED_OUT)) from error
        builder.truncated = True
    return builder.build()


def _unsupported(found: FileFormat) -> TextError:
    if found is FileFormat.OLD_OFFICE:
        return TextError(
            TextCode.UNSUPPORTED,
            "Word and PowerPoint files from before 2007 are not read: save it as .docx, .pptx or "
            "PDF",
        )
    if found is FileFormat.OUTLOOK:
        return TextError(
            TextCode.UNSUPPORTED, "Outlook's .msg and .oft files are not read: save it as .eml"
        )
    return unsupported_format()
