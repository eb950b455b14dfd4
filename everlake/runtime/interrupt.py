"""Ending a command at once, also while it is inside a library that does not look for signals."""

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
    """Within the block Ctrl-C and SIGTERM end the process now, and ``temporary_directory`` goes with it.

    For commands that may be killed at any instant: nothing else is tidied up. Python runs handlers
    between its own instructions alone; this wakes a thread instead.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)

    def watch() -> None:
        with ours, suppress(OSError):
            while told := ours.recv(1):
                if told[0] in _SIGNALS:
                    shutil.rmtree(temporary_directory, ignore_errors=True)
                    os._exit(128 + told[0])

    threading.Thread(target=watch, daemon=True).start()
    wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    handlers = {
        number: signal.signal(number, _ignore)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN  # as in the background
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        theirs.close()


def _ignore(number: int, frame: FrameType | None) -> None:
    """Leave it to the thread, which is on its way."""
