"""``curl --parallel``, which writes what it is sent to files and is done."""

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

DEFAULT = 50
"""``--parallel-max`` where nobody says another (curl(1))."""


def version() -> str | None:
    """Such as ``curl 7.88.1``; None where there is none."""
    if shutil.which("curl") is None:
        return None
    said = subprocess.run(["curl", "--version"], check=True, capture_output=True, text=True).stdout
    return " ".join(said.split()[:2])


def fetch(
    urls: Sequence[str], size: int, at_once: int, folder: Path, *, kept: bool = False
) -> dict[str, float]:
    """Seconds of the clock and of the processor for all of ``urls``, written to disk.

    Args:
        urls: each leads to a file of ``size`` bytes.
        size: of a file.
        at_once: connections.
        folder: where the files go, empty.
        kept: run ``sha256sum`` over the files and ``sync`` on them afterwards, and count it in.

    Raises:
        RuntimeError: a program failed, or a file is missing or not whole.
    """
    files = [folder / str(number) for number in range(len(urls))]
    config = folder / "config"
    config.write_text(
        "".join(
            f'url = "{url}"\noutput = "{file}"\n' for url, file in zip(urls, files, strict=True)
        )
    )
    options = ("--disable", "--silent", "--no-progress-meter", "--fail", "--noproxy", "*")
    number = ("--parallel", "--parallel-max", str(at_once), "--config", str(config))
    # What lies in memory of earlier writing is not this one's to wait for.
    os.sync()
    started = time.perf_counter()
    cpu = _run(folder, "curl", *options, *number)
    if kept:
        cpu += _run(folder, "sha256sum", *map(str, files))
        cpu += _run(folder, "sync", *map(str, files))
    seconds = time.perf_counter() - started
    if any(file.stat().st_size != size for file in files):
        raise RuntimeError("curl did not write all of each file")
    return {"seconds": seconds, "cpu": cpu}


def _run(folder: Path, *command: str) -> float:
    """Processor seconds of a command that must succeed."""
    said = folder / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        text = said.read_text(errors="replace")[-2_000:]
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {text}")
    return usage.ru_utime + usage.ru_stime
