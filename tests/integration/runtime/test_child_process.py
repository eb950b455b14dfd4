"""Child processes: restarted after a growing delay, and stopped in time."""

import sys
import time
from pathlib import Path

import pytest

from everlake.runtime.child_process import LIFELINE_VARIABLE, ChildProcess
from tests.support.processes import wait_until

STARTED = "import os, sys; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n');"

REPORT = """
import os, sys
os.fstat(int(os.environ[sys.argv[2]]))
open(sys.argv[1], "w").write(os.environ["EVERLAKE_DATA"])
"""


def child(path: Path, then: str) -> ChildProcess:
    """A child that writes its process id to ``path`` and then runs some Python."""
    made = ChildProcess(["worker"], {})
    made._command = [sys.executable, "-c", STARTED + then, str(path)]
    return made


def starts(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def test_a_child_that_ends_is_restarted_after_a_growing_delay(tmp_path: Path) -> None:
    path = tmp_path / "starts"
    dying = child(path, "sys.exit(3)")
    now = 100.0
    for count, delay in enumerate((0.2, 0.4, 0.8), start=1):
        dying.restart_if_ended(now)
        process = dying._process
        assert process is not None
        assert process.wait(30) == 3
        assert len(starts(path)) == count
        dying.restart_if_ended(now)  # notes the end
        dying.restart_if_ended(now + delay - 0.01)
        assert dying._process is None
        now += delay


def test_a_child_that_ran_for_long_is_restarted_at_once_again(tmp_path: Path) -> None:
    path = tmp_path / "starts"
    dying = child(path, "sys.exit(3)")
    now = 100.0
    for delay in (0.2, 0.4, 0.8):
        dying.restart_if_ended(now)
        assert dying._process is not None
        dying._process.wait(30)
        dying.restart_if_ended(now)
        now += delay
    dying.restart_if_ended(now)
    assert dying._process is not None
    dying._process.wait(30)

    dying.restart_if_ended(now + 31)
    dying.restart_if_ended(now + 31.2)

    assert dying._process is not None
    dying.wait_or_kill(time.monotonic() + 30)


@pytest.mark.parametrize("ignores", [False, True])
def test_a_child_is_stopped_by_the_deadline(tmp_path: Path, ignores: bool) -> None:
    path = tmp_path / "starts"
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" if ignores else ""
    running = ChildProcess(["worker"], {})
    running._command = [
        sys.executable,
        "-c",
        f"{ignore}{STARTED}import time; time.sleep(600)",
        str(path),
    ]
    running.restart_if_ended(time.monotonic())
    wait_until(lambda: bool(starts(path)), "the child does not start")
    process = running._process
    assert process is not None

    running.terminate()
    running.wait_or_kill(time.monotonic() + (0.2 if ignores else 30))

    assert process.poll() == (-9 if ignores else -15)


def test_a_child_has_its_variables_and_the_lifeline(tmp_path: Path) -> None:
    path = tmp_path / "environment"
    made = ChildProcess(["worker"], {"EVERLAKE_DATA": "here"})
    made._command = [
        sys.executable,
        "-c",
        REPORT,
        str(path),
        LIFELINE_VARIABLE,
    ]
    made.restart_if_ended(time.monotonic())
    assert made._process is not None
    assert made._process.wait(30) == 0
    assert path.read_text() == "here"
