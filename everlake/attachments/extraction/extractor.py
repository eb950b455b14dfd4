"""Has a launcher started, hands it one file after the other, and believes none of the answers."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from everlake.attachments.extraction import ipc
from everlake.attachments.extraction.ipc import (
    MAX_NAME_CHARACTERS,
    ExtractionTask,
    ReaderExit,
    ReaderReply,
)
from everlake.attachments.extraction.text_builder import FORBIDDEN_CHARACTERS
from everlake.attachments.extraction.types import (
    AttachmentText,
    ExtractionLimits,
    ExtractionStopped,
    RecordingDetected,
    TextCode,
    TextError,
    TranscriptionOptions,
)

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 5.0
_CHUNK_BYTES = 256 * 1024
_MAX_MESSAGE = 300
_LAUNCHER_MODULE = "everlake.attachments.extraction.launcher"
_INHERITED_VARIABLES = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "PYTHONPATH",
    "PYTHONHOME",
    "LD_LIBRARY_PATH",
)
_SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

_MESSAGES = {
    TextCode.DAMAGED: "the file is damaged or unlike others of its kind: save it again and send "
    "it once more",
    TextCode.TIMED_OUT: "reading the file took longer than may be: split it or save it in a "
    "simpler form",
    TextCode.OUT_OF_MEMORY: "reading the file took more memory than may be: split it or save it "
    "in a simpler form",
    TextCode.CRASHED: "the file brought its reader down: save it again or in another format",
    TextCode.UNAVAILABLE: "the server cannot read files at the moment: it tries again later",
}
_OUT_OF_MEMORY_MARKERS = (b"MemoryError", b"memory allocation of", b"bad_alloc", b"ut of memory")


class Extractor:
    """Reads text out of files, one at a time; several threads wait for each other.

    Each file is read in a process of its own, which opens no other file and ends with it (see
    :mod:`everlake.attachments.extraction.sandbox`). It is forked by a launcher that starts with the
    first file and is started anew when it is gone.

    Args:
        limits: of each file.
        speech: how speech in recordings is written down; without it, it is not.
    """

    def __init__(
        self, limits: ExtractionLimits, speech: TranscriptionOptions | None = None
    ) -> None:
        self._limits = limits
        self._speech = speech
        self._lock = threading.Lock()
        self._launcher: _Launcher | None = None

    def extract(
        self, path: Path, *, mime_type: str, filename: str | None, stop: threading.Event
    ) -> AttachmentText:
        """The text of a local file.

        Args:
            path: is only read.
            mime_type: as stated or found; the file's bytes count more.
            filename: as stated.
            stop: ends the reading within a fraction of a second.

        Raises:
            TextError: there is none.
            RecordingFound: that is so because it is a recording, and this writes no speech down.
            Stopped: ``stop`` was set.
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
            while not self._lock.acquire(timeout=_POLL_SECONDS):
                if stop.is_set():
                    raise ExtractionStopped
            try:
                return self._extract(message, file.fileno(), stop)
            finally:
                self._lock.release()

    def _extract(self, message: bytes, file: int, stop: threading.Event) -> AttachmentText:
        if stop.is_set():
            raise ExtractionStopped
        # One that was killed while it had nothing to do is noticed only when it is needed.
        for last in (False, True):
            if self._launcher is None:
                self._launcher = _Launcher()
            job = _ReaderRun(self._launcher, self._limits, stop)
            try:
                return job.run(message, file)
            except _LauncherExited as error:
                self._stop_launcher()
                if last or job.launcher_replied:
                    raise _text_error(TextCode.UNAVAILABLE) from error
            except BaseException:
                if not job.reader_ended:
                    self._stop_launcher()
                raise
        raise _text_error(TextCode.UNAVAILABLE)

    def close(self) -> None:
        """End the launcher, and with it whatever it reads."""
        with self._lock:
            self._stop_launcher()

    def _stop_launcher(self) -> None:
        if self._launcher is not None:
            self._launcher.kill()
            self._launcher = None


class _LauncherExited(Exception):
    """The launcher has ended, for whatever reason."""


class _Launcher:
    """The process that forks readers, in an empty directory and with no settings of ours.

    Raises:
        TextError: it cannot be started now.
    """

    def __init__(self) -> None:
        try:
            self._directory = tempfile.TemporaryDirectory(
                prefix="everlake-text-", ignore_cleanup_errors=True
            )
            self.control, theirs = socket.socketpair()
        except OSError as error:
            raise _text_error(TextCode.UNAVAILABLE) from error
        kept = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", "-s", "-m", _LAUNCHER_MODULE, str(theirs.fileno())],
                env={**kept, **_SINGLE_THREAD, "TMPDIR": self._directory.name},
                cwd=self._directory.name,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            self.control.close()
            self._directory.cleanup()
            raise _text_error(TextCode.UNAVAILABLE) from error
        finally:
            theirs.close()

    def kill(self) -> None:
        """Kill it; its reader dies with it."""
        self.control.close()
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._directory.cleanup()


class _ReaderRun:
    """One file at the launcher. ``ended``: its reader is known to be gone."""

    def __init__(
        self, launcher: _Launcher, limits: ExtractionLimits, stop: threading.Event
    ) -> None:
        self.reader_ended = False
        self.launcher_replied = False
        self._control = launcher.control
        self._limits = limits
        self._stop = stop
        self._max_reply_bytes = ipc.max_reply_bytes(limits)
        self._reply = bytearray()

    def run(self, message: bytes, file: int) -> AttachmentText:
        """The text.

        Raises:
            TextError, Stopped: as :meth:`Extractor.extract`.
            _LauncherGone: it is gone.
        """
        pipe, theirs = os.pipe()
        try:
            try:
                ipc.send(self._control, message, [file, theirs])
            except OSError as error:
                raise _LauncherExited from error
            finally:
                os.close(theirs)
            exited = self._wait(pipe)
            self._drain(pipe)
        finally:
            os.close(pipe)
        if len(self._reply) > self._max_reply_bytes:
            raise _text_error(TextCode.CRASHED)
        if exited.code != 0:
            raise _exit_error(exited)
        return self._validated_text()

    def _wait(self, pipe: int) -> ReaderExit:
        """How the reader ended of itself."""
        os.set_blocking(pipe, False)
        deadline = time.monotonic() + self._limits.seconds
        watched = [pipe, self._control.fileno()]
        while (left := deadline - time.monotonic()) > 0:
            if self._stop.is_set():
                self._kill_reader()
                raise ExtractionStopped
            ready, _, _ = select.select(watched, [], [], min(left, _POLL_SECONDS))
            if self._control.fileno() in ready:
                return self._receive_exit()
            if pipe in ready and not self._read_chunk(pipe):
                watched.remove(pipe)
            if len(self._reply) > self._max_reply_bytes:
                self._kill_reader()
                raise _text_error(TextCode.CRASHED)
        self._kill_reader()
        raise _text_error(TextCode.TIMED_OUT)

    def _kill_reader(self) -> None:
        """Have the reader killed; where that does not come about, the launcher goes as well."""
        with suppress(OSError, _LauncherExited):
            ipc.send(self._control, ipc.STOP)
            if select.select([self._control], [], [], _GRACE_SECONDS)[0]:
                self._receive_exit()

    def _receive_exit(self) -> ReaderExit:
        received = ipc.receive(self._control)
        self.launcher_replied = True
        if received is None:
            raise _LauncherExited
        self.reader_ended = True
        return ipc.decode_exit(received[0])

    def _read_chunk(self, pipe: int) -> bool:
        """Take a part of the answer; False at its end."""
        try:
            part = os.read(pipe, _CHUNK_BYTES)
        except BlockingIOError:
            return True
        self._reply += part
        return bool(part)

    def _drain(self, pipe: int) -> None:
        """Take what is in the pipe after the reader's end; others may hold it open."""
        while len(self._reply) <= self._max_reply_bytes and select.select([pipe], [], [], 0)[0]:
            if not self._read_chunk(pipe):
                return

    def _validated_text(self) -> AttachmentText:
        try:
            answer = ipc.decode_reply(self._reply)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _text_error(TextCode.CRASHED) from error
        if answer.code is not None:
            raise _text_error(answer.code, answer)
        text = answer.text
        if text is None or not _is_valid(text, self._limits):
            raise _text_error(TextCode.CRASHED)
        return text


def _encode_task(task: ExtractionTask) -> bytes:
    plain = msgspec.structs.replace(
        task,
        mime_type=task.mime_type.encode("utf-8", "replace").decode(),
        filename=task.filename and task.filename.encode("utf-8", "replace").decode(),
    )
    return ipc.encode(plain)


def _is_valid(text: AttachmentText, limits: ExtractionLimits) -> bool:
    """Whether a text is what a reader promises; one that a file has taken over promises nothing."""
    sections = text.sections
    return (
        len(sections) <= ipc.MAX_SECTIONS
        and sum(len(one.text) for one in sections) <= limits.max_characters
        and not any(FORBIDDEN_CHARACTERS.search(one.text) for one in sections)
        and not any(
            one.place is not None
            and (
                len(one.place) > ipc.MAX_PLACE_CHARACTERS or FORBIDDEN_CHARACTERS.search(one.place)
            )
            for one in sections
        )
    )


def _text_error(
    code: TextCode, reply: ReaderReply | None = None, *, retryable: bool = False
) -> TextError:
    stated = FORBIDDEN_CHARACTERS.sub("", reply.message[:_MAX_MESSAGE]) if reply else ""
    message = stated or _MESSAGES.get(code, "no text can be read out of the file")
    if reply is not None and reply.is_recording:
        return RecordingDetected(code, message)
    return TextError(code, message, retryable=retryable or code is TextCode.UNAVAILABLE)


def _exit_error(exited: ReaderExit) -> TextError:
    if exited.code is None:
        return _text_error(TextCode.UNAVAILABLE)
    if exited.code == -signal.SIGXCPU:
        return _text_error(TextCode.TIMED_OUT)
    if any(mark in exited.stderr for mark in _OUT_OF_MEMORY_MARKERS):
        return _text_error(TextCode.OUT_OF_MEMORY)
    # Killed by nobody of ours: most likely by a system that ran out of memory, and not for this
    # file's sake.
    return _text_error(TextCode.CRASHED, retryable=exited.code == -signal.SIGKILL)
