"""Launcher: a process that forks a reader for each file, and never reads one itself.

It has all libraries loaded, so that a reader costs a fork and not a start of Python. A reader ends
with its file, so that no file can influence how the next one is read.
Started as ``python -m everlake.attachments.extraction.launcher DESCRIPTOR`` by
:class:`everlake.attachments.extraction.processes.Launcher`; the descriptor is a socket to it.
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

sys.modules["numpy"] = None  # type: ignore[assignment] # openpyxl loads it if it can, and does not need it
from everlake.attachments.extraction import ipc, readers, sandbox  # noqa: E402
from everlake.attachments.extraction.errors import (  # noqa: E402
    RecordingDetected,
    TextCode,
    TextError,
)
from everlake.attachments.extraction.ipc import ExtractionTask, ReaderExit, ReaderReply  # noqa: E402
from everlake.attachments.extraction.readers import speech  # noqa: E402
from everlake.attachments.extraction.speech_model import readable_files  # noqa: E402

del sys.modules["numpy"]

_STDERR_BYTES = 4_096
_STDERR = 2
_MIN_DESCRIPTOR_LIMIT = 256
_EXIT_UNCONFINED = 3
_STILL_ROOT = (
    "the server runs as root and cannot read files as another user: its operator can set "
    "EVERLAKE_ATTACHMENT_TEXT_USER"
)
# In the messages of exceptions that libraries raise when they are out of memory.
_OUT_OF_MEMORY_MARKERS = ("bad_alloc", "allocate", "insufficient memory", "out of memory")


def main() -> None:
    """Serve tasks until the caller closes its end of the socket."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    sandbox.restrict_launcher()
    sys.stderr = _NullStream()
    gc.collect()
    gc.freeze()
    wakeup, wakeup_end = os.pipe()
    os.set_blocking(wakeup_end, False)
    os.set_blocking(wakeup, False)
    signal.signal(signal.SIGCHLD, _on_child_exit)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
    while (received := ipc.receive(control)) is not None:
        message, descriptors = received
        if message == ipc.STOP:  # the reader had just ended
            continue
        file, reply = descriptors
        exited = _run_reader(ipc.decode_task(message), file, reply, control, wakeup)
        if exited is None:
            break
        with suppress(OSError):  # the caller has ended, which the next receive reports
            ipc.send(control, ipc.encode(exited))
    with suppress(OSError):  # the caller removes it, unless it was killed
        Path.cwd().rmdir()


class _NullStream(io.TextIOBase):
    """Discards the warnings of Python libraries; those in C write to the descriptor."""

    def write(self, text: str, /) -> int:
        return len(text)


def _on_child_exit(_number: int, _frame: object) -> None:
    """Do nothing: the signal writes to the wakeup descriptor."""


def _run_reader(
    task: ExtractionTask, file: int, reply: int, control: socket.socket, wakeup: int
) -> ReaderExit | None:
    """Fork a reader and return how it ended; None when the caller has ended."""
    stderr, stderr_end = os.pipe()
    os.set_blocking(stderr_end, False)
    os.set_blocking(stderr, False)
    parent = os.getpid()
    try:
        reader = os.fork()
    except OSError:
        reader = -1
    if reader == 0:
        _reader_main(task, file, reply, stderr_end, parent)
    for descriptor in (file, reply, stderr_end):
        os.close(descriptor)
    try:
        if reader < 0:
            return ReaderExit(code=None)
        with suppress(OSError):
            os.setpgid(reader, reader)
        code = _wait_for_reader(reader, control, wakeup)
        if code is None:
            return None
        if code == _EXIT_UNCONFINED:  # nothing of the file has been read
            return ReaderExit(code=None)
        return ReaderExit(code=code, stderr=_read_available(stderr))
    finally:
        os.close(stderr)


def _wait_for_reader(reader: int, control: socket.socket, wakeup: int) -> int | None:
    """Return the reader's exit code; kill it when the caller asks for that or has ended.

    Returns:
        None when the caller has ended.
    """
    caller_ended = False
    while True:
        ended, status = os.waitpid(reader, os.WNOHANG)
        if ended:
            with suppress(OSError):
                os.killpg(reader, signal.SIGKILL)  # its children, if it has any
            return None if caller_ended else os.waitstatus_to_exitcode(status)
        ready, _, _ = select.select([wakeup] if caller_ended else [wakeup, control], [], [])
        if wakeup in ready:
            _read_available(wakeup)
        if control in ready:
            caller_ended = ipc.receive(control) is None
            _kill_reader(reader)


def _kill_reader(reader: int) -> None:
    """Kill a reader that has not been waited for, so that its process id is still its own."""
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
    """Read the file, write the reply, and exit."""
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
    readable: list[Path] = []
    if task.speech is not None:
        seconds *= task.speech.threads
        readable = readable_files(Path(task.speech.model))
    keeps_user = task.limits.user_id == 0
    sandbox.confine(parent, seconds, memory_bytes, readable=readable, keeps_user=keeps_user)


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
        transcriber = None if task.speech is None else speech.load_transcriber(task.speech)
        try:
            sandbox.become_user(task.limits.user_id)
        except OSError:
            return ReaderReply(code=TextCode.UNAVAILABLE, message=_STILL_ROOT)
        sandbox.forbid_new_processes()
        return ReaderReply(text=readers.extract_text(file, task, transcriber))
    except RecordingDetected as error:
        return ReaderReply(code=error.code, message=error.message, is_recording=True)
    except TextError as error:
        return ReaderReply(code=error.code, message=error.message)
    except MemoryError:
        return ReaderReply(code=TextCode.OUT_OF_MEMORY)
    except BaseException as error:  # noqa: BLE001 - a library may raise anything; in Rust, a panic
        out_of_memory = any(mark in str(error).lower() for mark in _OUT_OF_MEMORY_MARKERS)
        return ReaderReply(code=TextCode.OUT_OF_MEMORY if out_of_memory else TextCode.DAMAGED)


if __name__ == "__main__":
    main()
