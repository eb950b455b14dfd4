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

from everlake.attachments.text import wire
from everlake.attachments.text.gather import UNWANTED
from everlake.attachments.text.model import (
    AttachmentText,
    ExtractionLimits,
    RecordingFound,
    Speech,
    Stopped,
    TextCode,
    TextError,
)
from everlake.attachments.text.wire import MOST_NAME, Answer, Exit, Task

_LOOK_SECONDS = 0.1
_GRACE_SECONDS = 5.0
_PART = 256 * 1024
_MOST_MESSAGE = 300
_MODULE = "everlake.attachments.text.child"
_KEPT_VARIABLES = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "PYTHONPATH",
    "PYTHONHOME",
    "LD_LIBRARY_PATH",
)
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

_ADVICE = {
    TextCode.DAMAGED: "the file is damaged or unlike others of its kind: save it again and send "
    "it once more",
    TextCode.TIMED_OUT: "reading the file took longer than may be: split it or save it in a "
    "simpler form",
    TextCode.OUT_OF_MEMORY: "reading the file took more memory than may be: split it or save it "
    "in a simpler form",
    TextCode.CRASHED: "the file brought its reader down: save it again or in another format",
    TextCode.UNAVAILABLE: "the server cannot read files at the moment: it tries again later",
}
_NO_MEMORY = (b"MemoryError", b"memory allocation of", b"bad_alloc", b"ut of memory")


class Extractor:
    """Reads text out of files, one at a time; several threads wait for each other.

    Each file is read in a process of its own, which opens no other file and ends with it (see
    :mod:`everlake.attachments.text.sandbox`). It is forked by a launcher that starts with the
    first file and is started anew when it is gone.

    Args:
        limits: of each file.
        speech: how speech in recordings is written down; without it, it is not.
    """

    def __init__(self, limits: ExtractionLimits, speech: Speech | None = None) -> None:
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
        task = Task(
            mime_type=mime_type[:MOST_NAME],
            filename=filename[-MOST_NAME:] if filename else None,
            limits=self._limits,
            speech=self._speech,
        )
        message = _encoded(task)
        with path.open("rb") as file:
            while not self._lock.acquire(timeout=_LOOK_SECONDS):
                if stop.is_set():
                    raise Stopped
            try:
                return self._read(message, file.fileno(), stop)
            finally:
                self._lock.release()

    def _read(self, message: bytes, file: int, stop: threading.Event) -> AttachmentText:
        if stop.is_set():
            raise Stopped
        # One that was killed while it had nothing to do is noticed only when it is needed.
        for last in (False, True):
            if self._launcher is None:
                self._launcher = _Launcher()
            job = _Job(self._launcher, self._limits, stop)
            try:
                return job.run(message, file)
            except _LauncherGone as error:
                self._drop()
                if last or job.answered:
                    raise _fault(TextCode.UNAVAILABLE) from error
            except BaseException:
                if not job.ended:
                    self._drop()
                raise
        raise _fault(TextCode.UNAVAILABLE)

    def close(self) -> None:
        """End the launcher, and with it whatever it reads."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._launcher is not None:
            self._launcher.end()
            self._launcher = None


class _LauncherGone(Exception):
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
            raise _fault(TextCode.UNAVAILABLE) from error
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", "-s", "-m", _MODULE, str(theirs.fileno())],
                env={**kept, **_ONE_THREAD, "TMPDIR": self._directory.name},
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
            raise _fault(TextCode.UNAVAILABLE) from error
        finally:
            theirs.close()

    def end(self) -> None:
        """Kill it; its reader dies with it."""
        self.control.close()
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._directory.cleanup()


class _Job:
    """One file at the launcher. ``ended``: its reader is known to be gone."""

    def __init__(
        self, launcher: _Launcher, limits: ExtractionLimits, stop: threading.Event
    ) -> None:
        self.ended = False
        self.answered = False
        self._control = launcher.control
        self._limits = limits
        self._stop = stop
        self._most = wire.most_answer_bytes(limits)
        self._answer = bytearray()

    def run(self, message: bytes, file: int) -> AttachmentText:
        """The text.

        Raises:
            TextError, Stopped: as :meth:`Extractor.extract`.
            _LauncherGone: it is gone.
        """
        pipe, theirs = os.pipe()
        try:
            try:
                wire.send(self._control, message, [file, theirs])
            except OSError as error:
                raise _LauncherGone from error
            finally:
                os.close(theirs)
            exited = self._wait(pipe)
            self._drain(pipe)
        finally:
            os.close(pipe)
        if len(self._answer) > self._most:
            raise _fault(TextCode.CRASHED)
        if exited.code != 0:
            raise _fault_of(exited)
        return self._believed()

    def _wait(self, pipe: int) -> Exit:
        """How the reader ended of itself."""
        os.set_blocking(pipe, False)
        deadline = time.monotonic() + self._limits.seconds
        watched = [pipe, self._control.fileno()]
        while (left := deadline - time.monotonic()) > 0:
            if self._stop.is_set():
                self._end_reader()
                raise Stopped
            ready, _, _ = select.select(watched, [], [], min(left, _LOOK_SECONDS))
            if self._control.fileno() in ready:
                return self._exit()
            if pipe in ready and not self._take(pipe):
                watched.remove(pipe)
            if len(self._answer) > self._most:
                self._end_reader()
                raise _fault(TextCode.CRASHED)
        self._end_reader()
        raise _fault(TextCode.TIMED_OUT)

    def _end_reader(self) -> None:
        """Have the reader killed; where that does not come about, the launcher goes as well."""
        with suppress(OSError, _LauncherGone):
            wire.send(self._control, wire.STOP)
            if select.select([self._control], [], [], _GRACE_SECONDS)[0]:
                self._exit()

    def _exit(self) -> Exit:
        received = wire.receive(self._control)
        self.answered = True
        if received is None:
            raise _LauncherGone
        self.ended = True
        return wire.decode_exit(received[0])

    def _take(self, pipe: int) -> bool:
        """Take a part of the answer; False at its end."""
        try:
            part = os.read(pipe, _PART)
        except BlockingIOError:
            return True
        self._answer += part
        return bool(part)

    def _drain(self, pipe: int) -> None:
        """Take what is in the pipe after the reader's end; others may hold it open."""
        while len(self._answer) <= self._most and select.select([pipe], [], [], 0)[0]:
            if not self._take(pipe):
                return

    def _believed(self) -> AttachmentText:
        try:
            answer = wire.decode_answer(self._answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _fault(TextCode.CRASHED) from error
        if answer.code is not None:
            raise _fault(answer.code, answer)
        text = answer.text
        if text is None or not _is_proper(text, self._limits):
            raise _fault(TextCode.CRASHED)
        return text


def _encoded(task: Task) -> bytes:
    plain = msgspec.structs.replace(
        task,
        mime_type=task.mime_type.encode("utf-8", "replace").decode(),
        filename=task.filename and task.filename.encode("utf-8", "replace").decode(),
    )
    return wire.encode(plain)


def _is_proper(text: AttachmentText, limits: ExtractionLimits) -> bool:
    """Whether a text is what a reader promises; one that a file has taken over promises nothing."""
    sections = text.sections
    return (
        len(sections) <= wire.MOST_SECTIONS
        and sum(len(one.text) for one in sections) <= limits.most_characters
        and not any(UNWANTED.search(one.text) for one in sections)
        and not any(
            one.place is not None
            and (len(one.place) > wire.MOST_PLACE or UNWANTED.search(one.place))
            for one in sections
        )
    )


def _fault(code: TextCode, answer: Answer | None = None, *, passes: bool = False) -> TextError:
    stated = UNWANTED.sub("", answer.message[:_MOST_MESSAGE]) if answer else ""
    message = stated or _ADVICE.get(code, "no text can be read out of the file")
    if answer is not None and answer.recording:
        return RecordingFound(code, message)
    return TextError(code, message, passes=passes or code is TextCode.UNAVAILABLE)


def _fault_of(exited: Exit) -> TextError:
    if exited.code is None:
        return _fault(TextCode.UNAVAILABLE)
    if exited.code == -signal.SIGXCPU:
        return _fault(TextCode.TIMED_OUT)
    if any(mark in exited.complaint for mark in _NO_MEMORY):
        return _fault(TextCode.OUT_OF_MEMORY)
    # Killed by nobody of ours: most likely by a system that ran out of memory, and not for this
    # file's sake.
    return _fault(TextCode.CRASHED, passes=exited.code == -signal.SIGKILL)
