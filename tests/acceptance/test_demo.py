"""``everlake demo`` as a new user starts it."""

import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.server import environment, free_port


def run_demo(folder: Path, *options: str, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "everlake", "demo", "--port", str(free_port()), *options],
        cwd=folder,
        env=environment(folder / "unused", env),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_takes_every_sample_to_complete_and_shows_what_came_out(tmp_path: Path) -> None:
    output = run_demo(tmp_path, "--no-stay")
    assert "194 records accepted, 8 rejected on purpose" in output
    assert "All 9 batches are COMPLETE" in output
    assert re.search(r"^all +191 *$", output, re.MULTILINE)
    assert "Helen Marsh" in output


def test_a_second_demo_in_the_same_place_sends_nothing_twice(tmp_path: Path) -> None:
    run_demo(tmp_path, "--no-stay")
    output = run_demo(tmp_path, "--no-stay")
    assert re.search(r"^all +191 *$", output, re.MULTILINE)


def test_the_demo_leaves_a_real_database_and_bucket_alone(tmp_path: Path) -> None:
    real = tmp_path / "real"
    env = {
        "EVERLAKE_DATABASE_URL": f"sqlite:///{real / 'everlake.db'}",
        "EVERLAKE_STORAGE_URL": "s3://real-bucket/lake",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
    }
    output = run_demo(tmp_path, "--no-stay", env=env)
    assert "All 9 batches are COMPLETE" in output
    assert not real.exists()


def test_the_demo_stays_up_until_it_is_told_to_end(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "everlake", "demo", "--port", str(free_port())],
        cwd=tmp_path,
        env={**environment(tmp_path / "unused"), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    shown = ""
    for line in process.stdout:
        shown += line
        if "/docs?product=" in line:
            break
    assert process.poll() is None, shown
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0
