"""Immediate exit of a command on a signal, even while a native library runs."""

import os
import shutil
import signal
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def exits_immediately_on_signal(temporary_directory: Path) -> Generator[None]:
    """Within the block, exit at once on SIGINT and SIGTERM, and remove ``temporary_directory``.

    For commands that may be killed at any instant: no other clean-up runs. Python runs its signal
    handlers only between its own instructions, so the exit happens in a thread that
    :func:`signal.set_wakeup_fd` wakes.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)

    def exit_on_signal() -> None:
        with ours, suppress(OSError):
            while received := ours.recv(1):
                if received[0] in _SIGNALS:
                    shutil.rmtree(temporary_directory, ignore_errors=True)
                    os._exit(128 + received[0])

    threading.Thread(target=exit_on_signal, daemon=True).start()
    wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    handlers = {
        number: signal.signal(number, _ignore)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN  # as the shell sets it in the background
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        theirs.close()


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing: the thread ends the process."""
