"""What is wrong with a port, a directory or a setting is told before anything is created."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import environment, free_port, run_everlake

STARTS = ["init", "serve", "api", "worker"]


def refused(*arguments: str, data: Path, **env: str) -> str:
    """Run a command that fails with one line on standard error, which is returned."""
    done = subprocess.run(
        [sys.executable, "-m", "everlake", *arguments],
        env=environment(data, env),
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_busy_port_creates_no_key_that_nobody_sees(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused("serve", "--port", str(taken.getsockname()[1]), data=data)

    assert "choose another --host or --port" in said
    assert not data.exists()


@pytest.mark.parametrize("command", STARTS)
def test_a_file_in_place_of_the_data_directory_is_told(tmp_path: Path, command: str) -> None:
    (tmp_path / "data").write_text("")
    port = [] if command in {"init", "worker"} else ["--port", str(free_port())]

    assert "is a file" in refused(command, *port, data=tmp_path / "data")
    assert "is a file" in refused(command, *port, data=tmp_path / "data" / "below")


@pytest.mark.parametrize("command", STARTS)
def test_a_directory_that_cannot_be_written_is_told(command: str) -> None:
    port = [] if command in {"init", "worker"} else ["--port", str(free_port())]

    # Root may write everywhere but here.
    assert "cannot be written" in refused(command, *port, data=Path("/proc/everlake"))


@pytest.mark.parametrize("url", ["ftp://host/x", "s3:/bucket", "relative/path", "file://"])
@pytest.mark.parametrize("command", ["init", "serve"])
def test_a_wrong_storage_url_creates_nothing(tmp_path: Path, command: str, url: str) -> None:
    data = tmp_path / "data"

    assert "storage" in refused(command, data=data, EVERLAKE_STORAGE_URL=url)
    assert not data.exists()


@pytest.mark.parametrize("command", ["init", "doctor", "serve"])
def test_a_current_directory_that_is_gone_is_told(tmp_path: Path, command: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"rmdir {gone}; exec {sys.executable} -m everlake {command}"
    done = subprocess.run(
        ["sh", "-c", script],
        env={**environment(tmp_path / "data"), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        check=False,
        cwd=gone,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert "current directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_settings_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "everlake.toml").write_bytes(b"\xff")
    done = subprocess.run(
        [sys.executable, "-m", "everlake", "init"],
        env={**environment(tmp_path / "data"), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        check=False,
        cwd=tmp_path,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert "everlake.toml cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_init_prints_the_whole_path_of_its_data(tmp_path: Path) -> None:
    assert str(tmp_path / "data") in run_everlake("init", data=tmp_path / "data").stdout
