"""The progress watch, each time in a process of its own, whose limits it changes."""

import signal
import subprocess
import sys

START = """
import resource, signal, time
from everlake.attachments.extraction.progress import NoProgress, watch_progress
found = 0
def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
"""


def run(program: str) -> tuple[int, str]:
    """Return how the program ended, and its standard error."""
    ended = subprocess.run(
        [sys.executable, "-c", START + program], capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stderr


def test_work_without_progress_is_stopped() -> None:
    assert run(
        """
try:
    with watch_progress(lambda: found, 0.1):
        try:
            work(600)
        except Exception:  # as a library that goes on with the next part
            work(600)
except NoProgress:
    raise SystemExit(0)
raise SystemExit("not stopped")
"""
    ) == (0, "")


def test_work_with_progress_goes_on() -> None:
    assert run(
        """
with watch_progress(lambda: found, 1):
    for _ in range(10):
        work(0.5)
        found += 1
"""
    ) == (0, "")


def test_a_library_that_does_not_return_ends_with_the_process() -> None:
    code, _ = run(
        """
with watch_progress(lambda: found, 0.1):
    sum(range(10**15))
"""
    )

    assert code == -signal.SIGXCPU


def test_nothing_is_watched_afterwards() -> None:
    assert run(
        """
limits, handler = resource.getrlimit(resource.RLIMIT_CPU), signal.getsignal(signal.SIGPROF)
with watch_progress(lambda: found, 0.1):
    pass
assert resource.getrlimit(resource.RLIMIT_CPU) == limits
assert signal.getsignal(signal.SIGPROF) == handler
assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
"""
    ) == (0, "")


def test_what_was_read_so_far_may_take_its_time_to_be_freed() -> None:
    assert run(
        """
freed = False
try:
    with watch_progress(lambda: found, 0.1):
        try:
            work(600)
        finally:
            work(5)
            freed = True
except NoProgress:
    raise SystemExit(0 if freed else "cut off")
raise SystemExit("not stopped")
"""
    ) == (0, "")


def test_the_deadline_and_the_limit_of_the_kernel_are_read_from_one_clock() -> None:
    assert run(
        """
exact = time.process_time
work(3)
time.process_time = lambda: exact() / 3  # more than the two differ on a busy machine
try:
    with watch_progress(lambda: found, 3):
        work(600)
except NoProgress:
    raise SystemExit(0)
raise SystemExit("not stopped")
"""
    ) == (0, "")
