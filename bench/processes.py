"""What is measured runs in processes of its own: starting them, and watching what they use."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import msgspec

from bench.bodies import PRODUCT, PROJECT
from tests.support.processes import process_tree
from tests.support.server import NO_RATE_LIMIT, EverlakeServer, run_everlake_json

BENCH_DIRECTORY = Path(__file__).parent
WORK_DIRECTORY = BENCH_DIRECTORY / ".work"
SERVER_SETTINGS = {**NO_RATE_LIMIT, "EVERLAKE_LOG_LEVEL": "warning", "EVERLAKE_API_PROCESSES": "0"}
"""Settings of the measured server: no rate limit, as one client stands for many, and as many API
processes as it starts by itself."""

_STARTUP_TIMEOUT = 30.0
_SAMPLE_SECONDS = 0.05
_SAMPLES_PER_PSS = 20
"""The kernel walks all of a process's pages to tell its proportional share: once a second."""


class ResourceUse(msgspec.Struct, kw_only=True):
    """What the processes of one role used: processor seconds, and memory at its highest, in bytes.

    ``largest`` and ``resident`` come from the kernel's own high-water marks: that of the largest
    process, and their sum. ``anonymous`` leaves out files that are mapped, ``proportional`` counts
    shared pages by their share; both are sums at one moment, sampled.
    """

    processes: int
    cpu: float = 0.0
    largest: int = 0
    resident: int = 0
    anonymous: int = 0
    proportional: int = 0


class ResourceSampler:
    """Samples a server's processes while a block runs; ``uses`` has them by role.

    Args:
        server: ``api``, ``worker`` or ``serve``, up.
    """

    def __init__(self, server: EverlakeServer) -> None:
        assert server.process is not None
        self._pids: dict[str, list[int]] = {}
        for pid in process_tree(server.process.pid):
            self._pids.setdefault(_role(pid), []).append(pid)
        self.uses = {role: ResourceUse(processes=len(pids)) for role, pids in self._pids.items()}
        self._before = self._cpu()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._sample(proportional=True)
        for role, seconds in self._cpu().items():
            self.uses[role].cpu = seconds - self._before[role]

    def _run(self) -> None:
        looks = 0
        while not self._stop.wait(_SAMPLE_SECONDS):
            looks += 1
            self._sample(proportional=looks % _SAMPLES_PER_PSS == 0)

    def _sample(self, *, proportional: bool) -> None:
        for role, pids in self._pids.items():
            use = self.uses[role]
            found = [_read_proc_sizes(Path(f"/proc/{pid}/status")) for pid in pids]
            peaks = [one.get("VmHWM", 0) for one in found]
            use.largest = max(use.largest, *peaks)
            use.resident = max(use.resident, sum(peaks))
            use.anonymous = max(use.anonymous, sum(one.get("RssAnon", 0) for one in found))
            if proportional:
                maps = (_read_proc_sizes(Path(f"/proc/{pid}/smaps_rollup")) for pid in pids)
                use.proportional = max(use.proportional, sum(one.get("Pss", 0) for one in maps))

    def _cpu(self) -> dict[str, float]:
        return {role: sum(map(cpu_seconds, pids)) for role, pids in self._pids.items()}


def _role(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return words[words.index("everlake") + 1] if "everlake" in words else words[0]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int, name: str = "VmRSS") -> int:
    """Bytes of memory that a process has in use now; 0 where it has ended.

    ``name`` may be another of the kernel's figures (proc(5)), such as ``VmHWM``, the highest.
    """
    return _read_proc_sizes(Path(f"/proc/{pid}/status")).get(name, 0)


def _read_proc_sizes(file: Path) -> dict[str, int]:
    """Lines such as ``VmHWM:   1234 kB``, in bytes."""
    found: dict[str, int] = {}
    with suppress(OSError):
        for line in file.read_text().splitlines():
            words = line.split()
            if len(words) == 3 and words[2] == "kB":
                found[words[0].rstrip(":")] = int(words[1]) * 1024
    return found


@contextmanager
def fresh_directory() -> Generator[Path]:
    """An empty directory, removed afterwards."""
    WORK_DIRECTORY.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=WORK_DIRECTORY))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def workspace(env: Mapping[str, str] | None = None) -> Generator[tuple[Path, dict[str, str]]]:
    """A fresh data directory with a workspace in it, and what ``everlake init`` said."""
    ids = ("--product-id", PRODUCT, "--project-id", PROJECT)
    with fresh_directory() as data:
        yield data, run_everlake_json("init", *ids, data=data, env=env)


def ingest_headers(
    setup: Mapping[str, str], media_type: str = "application/json"
) -> dict[str, str]:
    """The headers of a POST to ``/api/v1/ingest``."""
    return {"x-api-key": setup["api_key"], "content-type": media_type}


@contextmanager
def serving_peer(command: Sequence[str], port: int, directory: Path) -> Generator[None]:
    """A peer that serves HTTP, for the length of a block.

    Args:
        command: arguments of the Python interpreter.
        port: where it will answer.
        directory: where it runs and logs.

    Raises:
        RuntimeError: it did not come up; the message has its log.
    """
    log = directory / "log"
    root = {"PYTHONPATH": str(BENCH_DIRECTORY.parent)}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=directory,
            env={**os.environ, **root},
            stdout=output,
            stderr=output,
        )
    try:
        if not _wait_until_up(port, process):
            raise RuntimeError(f"{command} did not come up: {log.read_text()[-2_000:]}")
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_until_up(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _STARTUP_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False
