"""Progress watch: ends a reader that computes and finds no more text.

A few bytes can ask for endless work: a row number in a spreadsheet, a drawing in a PDF that draws
another ten times. The time limit bounds that as well, at the price of a reader that is busy for all
of it.
"""

import math
import resource
import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

IDLE_SECONDS = 10.0
"""Processor time in which a reader has to find new text."""

IDLE_SECONDS_PER_MEGABYTE = 1.0
"""Processor time in addition to that, for each megabyte of the file.

Shared strings of a workbook, and an RTF or HTML file as a whole, are converted before their first
text is known, at 4 MB a second or more.
"""

_MEGABYTE = 1_000_000
_TICK_SECONDS = 1.0
_GRACE_SECONDS = 2.0
"""Processor time in which Python has to stop the work; then the kernel does."""
_UNWIND_SECONDS = 10.0
"""Processor time in which what was read so far has to be freed, a tree of elements for example."""
_PROCESSOR_CLOCK = -8
"""CPUCLOCK_PROF of the own process, by which Linux counts RLIMIT_CPU and ITIMER_PROF.

It counts timer ticks. CLOCK_PROCESS_CPUTIME_ID, which :func:`time.process_time` reads, is exact,
and differs from it by a fifth beside processes that sleep and wake often.
"""


class NoProgress(BaseException):
    """No text was found for too long.

    Like :class:`KeyboardInterrupt` it is no :class:`Exception`, which libraries catch.
    """


def idle_seconds(file_bytes: int) -> float:
    """Return the processor time that a file of this size may take without new text."""
    return IDLE_SECONDS + IDLE_SECONDS_PER_MEGABYTE * file_bytes / _MEGABYTE


@contextmanager
def watch_progress(progress: Callable[[], int], seconds: float) -> Generator[None]:
    """Stop the block when ``progress`` stands still.

    The block ends by an exception, or, where it does not get back from a library in C within
    seconds, with the process, by SIGXCPU. Runs in the main thread only.

    Args:
        progress: returns a number that is another one once there is new text.
        seconds: processor time of all threads in which the number has to change.

    Raises:
        NoProgress: it has not changed.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    last = progress()
    deadline = time.clock_gettime(_PROCESSOR_CLOCK) + seconds

    def limit_processor_time(end_seconds: float) -> None:
        end = math.ceil(end_seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (end if hard < 0 else min(end, hard), hard))

    def tick(_number: int, _frame: object) -> None:
        nonlocal last, deadline
        now = time.clock_gettime(_PROCESSOR_CLOCK)
        if (found := progress()) != last:
            last, deadline = found, now + seconds
            limit_processor_time(deadline + _GRACE_SECONDS)
        elif now >= deadline:
            # Once: a second exception would end the clean-up after the first.
            signal.setitimer(signal.ITIMER_PROF, 0)
            limit_processor_time(now + _UNWIND_SECONDS)
            raise NoProgress

    previous = signal.signal(signal.SIGPROF, tick)
    try:
        limit_processor_time(deadline + _GRACE_SECONDS)
        signal.setitimer(signal.ITIMER_PROF, _TICK_SECONDS, _TICK_SECONDS)
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
