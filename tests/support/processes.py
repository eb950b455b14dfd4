"""The processes of a running server, how to kill them, and how to wait for what they do."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from tests.support.server import EverlakeServer


def wait_until(condition: Callable[[], bool], failure: str, timeout: float = 90.0) -> None:
    """Return when ``condition`` holds; ``failure`` is wrong if it does not, in so many seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, failure
        time.sleep(0.02)


def child_processes(server: EverlakeServer) -> dict[str, list[int]]:
    """The process ids of a ``serve``'s children, by their role."""
    return processes_by_role(process_tree(pid_of(server))[1:])


def pid_of(server: EverlakeServer) -> int:
    """The process id of a server that was started."""
    assert server.process is not None
    return server.process.pid


def process_tree(pid: int) -> list[int]:
    """A process and all that come from it, each after its parent."""
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        below = []
    return [pid, *(one for child in below for one in process_tree(int(child)))]


def processes_by_role(pids: Iterable[int]) -> dict[str, list[int]]:
    """Those of the processes that run the program, by its first argument."""
    found: dict[str, list[int]] = {}
    for pid in pids:
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            for role in {"serve", "api", "worker"}.intersection(words):
                found.setdefault(role, []).append(pid)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs, and does not only wait to be collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def kill(pid: int) -> None:
    """SIGKILL, also where there is nothing left to kill."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def freeze_tree(server: EverlakeServer) -> None:
    """Let the parent and its children run no further instruction, so that they answer nobody."""
    tree = process_tree(pid_of(server))
    for pid in tree:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(map(_is_frozen, tree)), "a process runs on", timeout=30)


def _is_frozen(pid: int) -> bool:
    """Whether all threads are stopped, or will be when the disk lets them return."""
    states: set[str] = set()
    for status in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(OSError):
            states.add(status.read_text().rpartition(")")[2].split()[0])
    return states <= set("TtDZX")


def kill_tree(server: EverlakeServer) -> None:
    """SIGKILL the parent and its children at once, as the loss of power does."""
    for pid in process_tree(pid_of(server)):
        kill(pid)
    assert server.process is not None
    server.process.wait()
