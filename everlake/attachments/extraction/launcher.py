"""The launcher: a process that forks a reader for each file, and never looks at one itself.

It has all libraries loaded, so that a reader costs a fork and not a start of Python; and a
reader is of one file, so that nothing of a file is left when the next one comes.
Started as ``python -m everlake.attachments.extraction.launcher DESCRIPTOR`` by
:class:`everlake.attachments.extraction.Extractor`.
"""

import gc
import io
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

sys.modules["numpy"] = None  # type: ignore[assignment] # openpyxl would load it, and needs it not
from everlake.attachments.extraction import ipc, readers, sandbox  # noqa: E402
from everlake.attachments.extraction.ipc import ExtractionTask, ReaderExit, ReaderReply  # noqa: E402
from everlake.attachments.extraction.readers import speech  # noqa: E402
from everlake.attachments.extraction.speech_model import readable_files  # noqa: E402
from everlake.attachments.extraction.types import RecordingDetected, TextCode, TextError  # noqa: E402

del sys.modules["numpy"]

_STDERR_BYTES = 4_096
_STDERR = 2
_MIN_DESCRIPTOR_LIMIT = 256
_EXIT_UNCONFINED = 3
_OUT_OF_MEMORY_MARKERS = ("bad_alloc", "allocate", "insufficient memory", "out of memory")


def main() -> None:
    """Serve tasks until the other side of the socket is gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    sandbox.restrict_launcher()
    sys.stderr = _NullStream()
    gc.collect()
    gc.freeze()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, _on_child_exit)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    while (received := ipc.receive(control)) is not None:
        message, descriptors = received
        if message == ipc.STOP:  # the reader was at its end already
            continue
        file, answer = descriptors
        ended = _run_reader(ipc.decode_task(message), file, answer, control, woken)
        if ended is None:
            break
        with suppress(OSError):  # then the caller is gone, which the next look tells
            ipc.send(control, ipc.encode(ended))
    with suppress(OSError):  # the caller removes it, unless it was killed
        Path.cwd().rmdir()


class _NullStream(io.TextIOBase):
    """Takes what libraries in Python complain of; those in C write to the descriptor."""

    def write(self, text: str, /) -> int:
        return len(text)


def _on_child_exit(_number: int, _frame: object) -> None:
    """Nothing but be woken by it."""


def _run_reader(
    task: ExtractionTask, file: int, reply: int, control: socket.socket, wakeup: int
) -> ReaderExit | None:
    """Have one file read; None when the caller is gone."""
    complaints, complain = os.pipe()
    os.set_blocking(complain, False)
    os.set_blocking(complaints, False)
    parent = os.getpid()
    try:
        reader = os.fork()
    except OSError:
        reader = -1
    if reader == 0:
        _reader_main(task, file, reply, complain, parent)
    for descriptor in (file, reply, complain):
        os.close(descriptor)
    try:
        if reader < 0:
            return ReaderExit(code=None)
        with suppress(OSError):
            os.setpgid(reader, reader)
        code = _wait_for_reader(reader, control, wakeup)
        if code is None:
            return None
        if code == _EXIT_UNCONFINED:  # the file has not been touched
            return ReaderExit(code=None)
        return ReaderExit(code=code, stderr=_read_available(complaints))
    finally:
        os.close(complaints)


def _wait_for_reader(reader: int, control: socket.socket, wakeup: int) -> int | None:
    """How the reader ended; it is ended when the caller asks for that, or is gone."""
    gone = False
    while True:
        ended, status = os.waitpid(reader, os.WNOHANG)
        if ended:
            with suppress(OSError):
                os.killpg(reader, signal.SIGKILL)  # what it may have started
            return None if gone else os.waitstatus_to_exitcode(status)
        ready, _, _ = select.select([wakeup] if gone else [wakeup, control], [], [])
        if wakeup in ready:
            _read_available(wakeup)
        if control in ready:
            gone = ipc.receive(control) is None
            _kill_reader(reader)


def _kill_reader(reader: int) -> None:
    """End a reader that has not been waited for, so that its number is still its own."""
    with suppress(OSError):
        os.killpg(reader, signal.SIGKILL)
    with suppress(OSError):
        os.kill(reader, signal.SIGKILL)


def _read_available(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _STDERR_BYTES)
    except BlockingIOError:
        return b""


def _reader_main(task: ExtractionTask, file: int, reply: int, stderr: int, parent: int) -> None:
    """Read the file, write the answer, and never come back."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        os.setpgid(0, 0)
        os.dup2(stderr, _STDERR)
        _close_descriptors_except(file, reply)
        code = _EXIT_UNCONFINED
        _confine(parent, task)
        code = 1
        with open(file, "rb") as opened, open(reply, "wb", buffering=0) as pipe:
            data = memoryview(ipc.encode(_extract(opened, task)))
            while data:
                data = data[pipe.write(data) :]
        code = 0
    finally:
        os._exit(code)


def _confine(parent: int, task: ExtractionTask) -> None:
    seconds, memory_bytes = task.limits.seconds, task.limits.memory_bytes
    if task.speech is None:
        sandbox.confine(parent, seconds, memory_bytes)
    else:
        seconds *= task.speech.threads
        sandbox.confine(
            parent, seconds, memory_bytes, readable=readable_files(Path(task.speech.model))
        )


def _close_descriptors_except(*kept: int) -> None:
    first = _STDERR + 1
    for one in sorted(kept):
        os.closerange(first, one)
        first = one + 1
    os.closerange(
        first, os.sysconf("SC_OPEN_MAX") if first > _MIN_DESCRIPTOR_LIMIT else _MIN_DESCRIPTOR_LIMIT
    )


def _extract(file: BinaryIO, task: ExtractionTask) -> ReaderReply:
    try:
        listener = None if task.speech is None else speech.load_transcriber(task.speech)
        sandbox.forbid_new_processes()
        return ReaderReply(text=readers.extract_text(file, task, listener))
    except RecordingDetected as error:
        return ReaderReply(code=error.code, message=error.message, is_recording=True)
    except TextError as error:
        return ReaderReply(code=error.code, message=error.message)
    except MemoryError:
        return ReaderReply(code=TextCode.OUT_OF_MEMORY)
    except BaseException as error:  # noqa: BLE001 - a library may raise anything; in Rust, a panic
        short = any(mark in str(error).lower() for mark in _OUT_OF_MEMORY_MARKERS)
        return ReaderReply(code=TextCode.OUT_OF_MEMORY if short else TextCode.DAMAGED)


if __name__ == "__main__":
    main()
