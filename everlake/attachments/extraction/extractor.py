"""Extractor: reads files one after the other, each in a process of its own."""

import threading
from pathlib import Path

import msgspec

from everlake.attachments.extraction import ipc
from everlake.attachments.extraction.errors import ExtractionStopped, unavailable
from everlake.attachments.extraction.ipc import MAX_NAME_CHARACTERS, ExtractionTask
from everlake.attachments.extraction.processes import (
    POLL_SECONDS,
    Launcher,
    LauncherExited,
    ReaderRun,
)
from everlake.attachments.extraction.types import (
    AttachmentText,
    ExtractionLimits,
    TranscriptionOptions,
)


class Extractor:
    """Extracts text from files, one at a time. Threads may share it, and wait for each other.

    Each file is read in a process of its own, which opens no other file and ends with it (see
    :mod:`everlake.attachments.extraction.sandbox`). A launcher forks these processes; it is
    started with the first file, and again when it has ended.

    Args:
        limits: of each file.
        speech: how recordings are transcribed; None: they are not.
    """

    def __init__(
        self, limits: ExtractionLimits, speech: TranscriptionOptions | None = None
    ) -> None:
        self._limits = limits
        self._speech = speech
        self._lock = threading.Lock()
        self._launcher: Launcher | None = None

    def extract(
        self, path: Path, *, mime_type: str, filename: str | None, stop: threading.Event
    ) -> AttachmentText:
        """Return the text of a local file, which is only read.

        Args:
            mime_type: as stated or detected; the file's bytes count before it.
            filename: as stated.
            stop: when set, ends the extraction within a fraction of a second.

        Raises:
            RecordingDetected: the file is a recording, and this extractor transcribes none.
            TextError: there is no text for another reason.
            ExtractionStopped: ``stop`` was set.
            OSError: the file cannot be opened.
        """
        task = ExtractionTask(
            mime_type=mime_type[:MAX_NAME_CHARACTERS],
            filename=filename[-MAX_NAME_CHARACTERS:] if filename else None,
            limits=self._limits,
            speech=self._speech,
        )
        message = _encode_task(task)
        with path.open("rb") as file:
            while not self._lock.acquire(timeout=POLL_SECONDS):
                if stop.is_set():
                    raise ExtractionStopped
            try:
                return self._extract(message, file.fileno(), stop)
            finally:
                self._lock.release()

    def _extract(self, message: bytes, file: int, stop: threading.Event) -> AttachmentText:
        if stop.is_set():
            raise ExtractionStopped
        # A launcher that was killed while it was idle shows that only when it gets a task.
        for last in (False, True):
            if self._launcher is None:
                self._launcher = Launcher()
            run = ReaderRun(self._launcher, self._limits, stop)
            try:
                return run.run(message, file)
            except LauncherExited as error:
                self._stop_launcher()
                if last or run.launcher_replied:
                    raise unavailable() from error
            except BaseException:
                if not run.reader_ended:
                    self._stop_launcher()
                raise
        raise unavailable()

    def close(self) -> None:
        """Kill the launcher, and with it a reader at work."""
        with self._lock:
            self._stop_launcher()

    def _stop_launcher(self) -> None:
        if self._launcher is not None:
            self._launcher.kill()
            self._launcher = None


def _encode_task(task: ExtractionTask) -> bytes:
    # Stated names may have lone surrogates, which UTF-8 has not.
    plain = msgspec.structs.replace(
        task,
        mime_type=task.mime_type.encode("utf-8", "replace").decode(),
        filename=task.filename and task.filename.encode("utf-8", "replace").decode(),
    )
    return ipc.encode(plain)
