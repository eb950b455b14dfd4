"""What Everlake makes of a labelled input."""

import json
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.quality.utterances.labels import LabelledFile, LabelledInput
from everlake.analysis import attachment_utterances, extract_utterances, recording_start_ms
from everlake.attachments.extraction.errors import TextError
from everlake.attachments.extraction.extractor import Extractor
from everlake.attachments.extraction.types import ExtractionLimits
from everlake.model.utterances import Utterance


class Analyser:
    """Utterances of records and of their files, as the worker makes them.

    Files are read in processes of their own, which end with the ``with`` block.
    """

    def __init__(self) -> None:
        self._extractor = Extractor(ExtractionLimits(seconds=30))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._extractor.close()

    def utterances(self, given: LabelledInput) -> list[Utterance]:
        """Return the utterances of a record, then those of its file; none of a file that fails."""
        data = json.dumps(given.data, ensure_ascii=False).encode()
        found = extract_utterances(given.record_type, data, given.participants)
        if given.file is not None:
            found += self._of_file(given, given.file, data)
        return found

    def _of_file(self, given: LabelledInput, file: LabelledFile, data: bytes) -> list[Utterance]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "file")
            path.write_bytes(file.encode())
            try:
                text = self._extractor.extract(
                    path, mime_type=file.mime_type, filename=file.filename, stop=threading.Event()
                )
            except TextError:
                return []
        return attachment_utterances(
            text.kind.value,
            [section.text for section in text.sections],
            given.record_type,
            given.participants,
            start=recording_start_ms(given.record_type, data),
        )
