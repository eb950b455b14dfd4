"""A program run under strace, and the system calls it made, in the order of their ends."""

import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.processes import kill, process_tree

_LINE = re.compile(r"(\d+) +(.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)", re.DOTALL)
_CALL = re.compile(r"(\w+)\((.*)\) += (\S+)(.*)", re.DOTALL)


class Call(NamedTuple):
    """A system call.

    ``began`` and ``ended`` are lines of the trace; ``arguments`` is as strace shows them, each
    descriptor with its path; ``result`` is -1 when the call failed, or the process ended in it.
    """

    began: int
    ended: int
    name: str
    arguments: str
    result: int


EVERLAKE = (sys.executable, "-m", "everlake")


class Tracer:
    """Runs programs under strace, with all that they start.

    Args:
        calls: names of system calls, with commas between.
        string_limit: bytes of each buffer to write down.
    """

    def __init__(self, calls: str, string_limit: int) -> None:
        strace = shutil.which("strace")
        if strace is None:
            pytest.skip("strace is not installed")
        self._command = [
            *(strace, "--follow-forks", "--decode-fds=path", "--seccomp-bpf"),
            *(f"--trace={calls}", f"--string-limit={string_limit}"),
        ]

    @contextmanager
    def running(
        self, *command: str, output: Path, env: Mapping[str, str] | None = None
    ) -> Generator[subprocess.Popen[bytes]]:
        """A command, for the length of a block; the process is that of strace.

        What it prints goes to files beside the trace: see :func:`said` and :func:`complaint`. It
        is killed at the end of the block, if it runs still.
        """
        strace = [*self._command, f"--output={output}"]
        with program_output(output).open("wb") as out, strace_output(output).open("wb") as err:
            process = subprocess.Popen([*strace, *command], env=env, stdout=out, stderr=err)
        try:
            yield process
        finally:
            # What strace watches goes first: without it, its calls would fail and it never end.
            for pid in [*traced_pids(process), process.pid]:
                kill(pid)
            process.wait()


def program_output(output: Path) -> Path:
    """What the program of a trace printed."""
    return output.with_suffix(".out")


def strace_output(output: Path) -> Path:
    """What the program of a trace, and strace itself, printed on standard error."""
    return output.with_suffix(".err")


def skip_where_not_allowed(output: Path) -> None:
    """Skip the test where strace may not watch others."""
    words = strace_output(output).read_text()
    if "ptrace" in words.lower():
        pytest.skip(f"strace cannot attach here: {words.strip()}")


def traced_pids(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes under this strace, each after its parent."""
    return process_tree(process.pid)[1:]


def read_calls(output: Path) -> list[Call]:
    """The calls of a trace, in the order in which they ended."""
    with output.open(encoding="ascii", errors="replace") as lines:
        return list(_calls(lines))


def _calls(lines: Iterator[str]) -> Iterator[Call]:
    """Calls of threads that overlap stand in two lines, and are put together again."""
    unfinished: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines):
        found = _LINE.fullmatch(line.rstrip("\n"))
        if found is None:
            continue
        process, text = found.groups()
        if text.endswith("<unfinished ...>"):
            unfinished[process] = (number, text.removesuffix("<unfinished ...>"))
            continue
        began = number
        resumed = _RESUMED.fullmatch(text)
        if resumed is not None and process in unfinished:
            began, before = unfinished.pop(process)
            text = before.rstrip() + resumed.group(1)
        call = _CALL.fullmatch(text)
        if call is None:
            continue  # a signal, or the end of a process
        name, arguments, result, _ = call.groups()
        yield Call(began, number, name, arguments, _number(result))


def _number(result: str) -> int:
    digits = re.match(r"-?\d+", result)
    return int(digits.group()) if digits else -1
