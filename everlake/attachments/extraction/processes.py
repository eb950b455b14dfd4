"""Processes of an extraction: the launcher, and one run of a reader that it forks.

Nothing that a reader sends is trusted: a file may have taken it over.
"""

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

import msgspec

from everlake.attachments.extraction import ipc
from everlake.attachments.extraction.errors import (
    ExtractionStopped,
    RecordingDetected,
    TextCode,
    TextError,
    standard_message,
    unavailable,
)
from everlake.attachments.extraction.ipc import ReaderExit, ReaderReply
from everlake.attachments.extraction.text_builder import FORBIDDEN_CHARACTERS
from everlake.attachments.extraction.types import AttachmentText, ExtractionLimits

POLL_SECONDS = 0.1
"""How often a wait looks at the event that stops it."""

SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Environment of the launcher that keeps numerical libraries from starting threads."""

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
_GRACE_SECONDS = 5.0
_CHUNK_BYTES = 256 * 1024
_MAX_MESSAGE_CHARACTERS = 300
# What a process that is out of memory writes on standard error, from Python, Rust and C++. The
# launcher has markers of its own, for the messages of exceptions.
_OUT_OF_MEMORY_MARKERS = (b"MemoryError", b"memory allocation of", b"bad_alloc", b"ut of memory")


class LauncherExited(Exception):
    """The launcher has ended, for whatever reason."""


class Launcher:
    """The process that forks readers, in an empty directory and with no settings or secrets.

    Attributes:
        control: socket to it.

    Raises:
        TextError: it cannot be started at the moment.
    """

    def __init__(self) -> None:
        try:
            self._directory = tempfile.TemporaryDirectory(
                prefix="everlake-text-", ignore_cleanup_errors=True
            )
            self.control, launcher_end = socket.socketpair()
        except OSError as error:
            raise unavailable() from error
        kept = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", "-s", "-m", _LAUNCHER_MODULE, str(launcher_end.fileno())],
                env={**kept, **SINGLE_THREAD, "TMPDIR": self._directory.name},
                cwd=self._directory.name,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[launcher_end.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            self.control.close()
            self._directory.cleanup()
            raise unavailable() from error
        finally:
            launcher_end.close()

    def kill(self) -> None:
        """Kill the process; its reader dies with it."""
        self.control.close()
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._directory.cleanup()


class ReaderRun:
    """One extraction, from the request to the reader's reply.

    Args:
        launcher: forks the reader.
        limits: of the extraction.
        stop: when set, ends it within a fraction of a second.

    Attributes:
        reader_ended: whether the reader is known to have ended.
        launcher_replied: whether the launcher was alive after it had the task.
    """

    def __init__(self, launcher: Launcher, limits: ExtractionLimits, stop: threading.Event) -> None:
        self.reader_ended = False
        self.launcher_replied = False
        self._control = launcher.control
        self._limits = limits
        self._stop = stop
        self._max_reply_bytes = ipc.max_reply_bytes(limits)
        self._reply = bytearray()

    def run(self, message: bytes, file: int) -> AttachmentText:
        """Have a file read, and return its text.

        Args:
            message: an encoded :class:`ipc.ExtractionTask`.
            file: descriptor of the file.

        Raises:
            TextError: there is no text.
            ExtractionStopped: ``stop`` was set.
            LauncherExited: the launcher has ended.
        """
        pipe, reader_end = os.pipe()
        try:
            try:
                ipc.send(self._control, message, [file, reader_end])
            except OSError as error:
                raise LauncherExited from error
            finally:
                os.close(reader_end)
            exited = self._wait(pipe)
            self._drain(pipe)
        finally:
            os.close(pipe)
        if len(self._reply) > self._max_reply_bytes:
            raise _error(TextCode.CRASHED)
        if exited.code != 0:
            raise _exit_error(exited)
        return self._validated_text()

    def _wait(self, pipe: int) -> ReaderExit:
        """Return how the reader ended by itself."""
        os.set_blocking(pipe, False)
        deadline = time.monotonic() + self._limits.seconds
        watched = [pipe, self._control.fileno()]
        while (left := deadline - time.monotonic()) > 0:
            if self._stop.is_set():
                self._kill_reader()
                raise ExtractionStopped
            ready, _, _ = select.select(watched, [], [], min(left, POLL_SECONDS))
            if self._control.fileno() in ready:
                return self._receive_exit()
            if pipe in ready and not self._read_chunk(pipe):
                watched.remove(pipe)
            if len(self._reply) > self._max_reply_bytes:
                self._kill_reader()
                raise _error(TextCode.CRASHED)
        self._kill_reader()
        raise _error(TextCode.TIMED_OUT)

    def _kill_reader(self) -> None:
        """Ask the launcher to kill the reader; if it does not, the caller kills the launcher."""
        with suppress(OSError, LauncherExited):
            ipc.send(self._control, ipc.STOP)
            if select.select([self._control], [], [], _GRACE_SECONDS)[0]:
                self._receive_exit()

    def _receive_exit(self) -> ReaderExit:
        received = ipc.receive(self._control)
        self.launcher_replied = True
        if received is None:
            raise LauncherExited
        self.reader_ended = True
        return ipc.decode_exit(received[0])

    def _read_chunk(self, pipe: int) -> bool:
        """Read a part of the reply; return False at its end."""
        try:
            part = os.read(pipe, _CHUNK_BYTES)
        except BlockingIOError:
            return True
        self._reply += part
        return bool(part)

    def _drain(self, pipe: int) -> None:
        """Read what the reader left in the pipe; other processes may still hold its end open."""
        while len(self._reply) <= self._max_reply_bytes and select.select([pipe], [], [], 0)[0]:
            if not self._read_chunk(pipe):
                return

    def _validated_text(self) -> AttachmentText:
        try:
            reply = ipc.decode_reply(self._reply)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _error(TextCode.CRASHED) from error
        if reply.code is not None:
            raise _reply_error(reply, reply.code)
        text = reply.text
        if text is None or not _is_valid(text, self._limits):
            raise _error(TextCode.CRASHED)
        return text


def _is_valid(text: AttachmentText, limits: ExtractionLimits) -> bool:
    """Return whether a text is as :class:`AttachmentText` promises, and within the limits."""
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


def _error(code: TextCode, *, retryable: bool = False) -> TextError:
    return TextError(code, standard_message(code), retryable=retryable)


def _reply_error(reply: ReaderReply, code: TextCode) -> TextError:
    stated = FORBIDDEN_CHARACTERS.sub("", reply.message[:_MAX_MESSAGE_CHARACTERS])
    message = stated or standard_message(code)
    if reply.is_recording:
        return RecordingDetected(code, message)
    return TextError(code, message, retryable=code is TextCode.UNAVAILABLE)


def _exit_error(exited: ReaderExit) -> TextError:
    if exited.code is None:
        return unavailable()
    if exited.code == -signal.SIGXCPU:
        return _error(TextCode.TIMED_OUT)
    if any(mark in exited.stderr for mark in _OUT_OF_MEMORY_MARKERS):
        return _error(TextCode.OUT_OF_MEMORY)
    # We did not kill it: most likely the system did, being out of memory, which need not be this
    # file's fault.
    return _error(TextCode.CRASHED, retryable=exited.code == -signal.SIGKILL)
