"""The processes of a running server, and how to kill them."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.integration.server import Server


def children(server: Server) -> dict[str, int]:
    """The process ids of a ``serve``'s children, by their role."""
    assert server.process is not None
    pid = server.process.pid
    found: dict[str, int] = {}
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(OSError):
                words = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
                found |= {role: int(child) for role in ("api", "worker") if role in words}
    return found


def alive(pid: int) -> bool:
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


def kill_tree(server: Server) -> None:
    """SIGKILL the parent and its children at once, as the loss of power does."""
    assert server.process is not None
    pids = [server.process.pid, *children(server).values()]
    for pid in pids:
        kill(pid)
    server.process.wait()
