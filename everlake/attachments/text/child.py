"""The launcher: a process that forks a reader for each file, and never looks at one itself.

It has all libraries loaded, so that a reader costs a fork and not a start of Python; and a
reader is of one file, so that nothing of a file is left when the next one comes.
Started as ``python -m everlake.attachments.text.child DESCRIPTOR`` by
:class:`everlake.attachments.text.Extractor`.
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
from everlake.attachments.text import readers, sandbox, wire  # noqa: E402
from everlake.attachments.text.model import RecordingFound, TextCode, TextError  # noqa: E402
from everlake.attachments.text.readers import speech  # noqa: E402
from everlake.attachments.text.speech_model import readable_files  # noqa: E402
from everlake.attachments.text.wire import Answer, Exit, Task  # noqa: E402

del sys.modules["numpy"]

_COMPLAINT = 4_096
_STANDARD_ERROR = 2
_USUAL_FILES = 256
_UNCONFINED = 3
_NO_MEMORY = ("bad_alloc", "allocate", "insufficient memory", "out of memory")


def main() -> None:
    """Serve tasks until the other side of the socket is gone."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    sandbox.settle()
    sys.stderr = _Nowhere()
    gc.collect()
    gc.freeze()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, _notice)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    while (received := wire.receive(control)) is not None:
        message, descriptors = received
        if message == wire.STOP:  # the reader was at its end already
            continue
        file, answer = descriptors
        ended = _run(wire.decode_task(message), file, answer, control, woken)
        if ended is None:
            break
        with suppress(OSError):  # then the caller is gone, which the next look tells
            wire.send(control, wire.encode(ended))
    with suppress(OSError):  # the caller removes it, unless it was killed
        Path.cwd().rmdir()


class _Nowhere(io.TextIOBase):
    """Takes what libraries in Python complain of; those in C write to the descriptor."""

    def write(self, text: str, /) -> int:
        return len(text)


def _notice(_number: int, _frame: object) -> None:
    """Nothing but be woken by it."""


def _run(task: Task, file: int, answer: int, control: socket.socket, woken: int) -> Exit | None:
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
        _be_reader(task, file, answer, complain, parent)
    for descriptor in (file, answer, complain):
        os.close(descriptor)
    try:
        if reader < 0:
            return Exit(code=None)
        with suppress(OSError):
            os.setpgid(reader, reader)
        code = _await(reader, control, woken)
        if code is None:
            return None
        if code == _UNCONFINED:  # the file has not been touched
            return Exit(code=None)
        return Exit(code=code, complaint=_read_some(complaints))
    finally:
        os.close(complaints)


def _await(reader: int, control: socket.socket, woken: int) -> int | None:
    """How the reader ended; it is ended when the caller asks for that, or is gone."""
    gone = False
    while True:
        ended, status = os.waitpid(reader, os.WNOHANG)
        if ended:
            with suppress(OSError):
                os.killpg(reader, signal.SIGKILL)  # what it may have started
            return None if gone else os.waitstatus_to_exitcode(status)
        ready, _, _ = select.select([woken] if gone else [woken, control], [], [])
        if woken in ready:
            _read_some(woken)
        if control in ready:
            gone = wire.receive(control) is None
            _kill(reader)


def _kill(reader: int) -> None:
    """End a reader that has not been waited for, so that its number is still its own."""
    with suppress(OSError):
        os.killpg(reader, signal.SIGKILL)
    with suppress(OSError):
        os.kill(reader, signal.SIGKILL)


def _read_some(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _COMPLAINT)
    except BlockingIOError:
        return b""


def _be_reader(task: Task, file: int, answer: int, complain: int, parent: int) -> None:
    """Read the file, write the answer, and never come back."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        os.setpgid(0, 0)
        os.dup2(complain, _STANDARD_ERROR)
        _close_all_but(file, answer)
        code = _UNCONFINED
        _confine(parent, task)
        code = 1
        with open(file, "rb") as opened, open(answer, "wb", buffering=0) as pipe:
            data = memoryview(wire.encode(_answer(opened, task)))
            while data:
                data = data[pipe.write(data) :]
        code = 0
    finally:
        os._exit(code)


def _confine(parent: int, task: Task) -> None:
    seconds, memory_bytes = task.limits.seconds, task.limits.memory_bytes
    if task.speech is None:
        sandbox.confine(parent, seconds, memory_bytes)
    else:
        seconds *= task.speech.threads
        sandbox.confine(
            parent, seconds, memory_bytes, readable=readable_files(Path(task.speech.model))
        )


def _close_all_but(*kept: int) -> None:
    first = _STANDARD_ERROR + 1
    for one in sorted(kept):
        os.closerange(first, one)
        first = one + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX") if first > _USUAL_FILES else _USUAL_FILES)


def _answer(file: BinaryIO, task: Task) -> Answer:
    try:
        listener = None if task.speech is None else speech.load(task.speech)
        sandbox.start_nothing()
        return Answer(text=readers.read(file, task, listener))
    except RecordingFound as error:
        return Answer(code=error.code, message=error.message, recording=True)
    except TextError as error:
        return Answer(code=error.code, message=error.message)
    except MemoryError:
        return Answer(code=TextCode.OUT_OF_MEMORY)
    except BaseException as error:  # noqa: BLE001 - a library may raise anything; in Rust, a panic
        short = any(mark in str(error).lower() for mark in _NO_MEMORY)
        return Answer(code=TextCode.OUT_OF_MEMORY if short else TextCode.DAMAGED)


if __name__ == "__main__":
    main()
