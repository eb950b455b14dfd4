"""A worker ends in good order when it is told to."""

import ctypes
import platform
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import pid_of, wait_until
from tests.support.server import EverlakeServer, run_everlake

_TGKILL = {"x86_64": 234, "aarch64": 131}


def threads_that_take(number: signal.Signals, pid: int) -> Iterator[int]:
    """The threads of a process that do not block the signal (proc(5), status)."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = (task / "status").read_text()
        blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
        if not blocked >> (number - 1) & 1:
            yield int(task.name)


def test_a_signal_that_reaches_another_thread_than_the_first_ends_the_worker(
    tmp_path: Path,
) -> None:
    # The kernel may give a process's signal to any of its threads, and Python handles it in the
    # first one alone.
    if (call := _TGKILL.get(platform.machine())) is None:
        pytest.skip(f"the number of tgkill(2) on {platform.machine()} is not known here")
    run_everlake("init", data=tmp_path)
    worker = EverlakeServer("worker", tmp_path)
    worker.start()
    try:
        wait_until(lambda: '"worker started"' in worker.log(), "it does not begin to work")
        pid = pid_of(worker)
        other = next(one for one in threads_that_take(signal.SIGTERM, pid) if one != pid)
        assert ctypes.CDLL(None).syscall(call, pid, other, int(signal.SIGTERM)) == 0

        assert worker.process is not None
        assert worker.process.wait(20) == 0
        assert '"worker stopped"' in worker.log()
    finally:
        worker.kill()
