from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cli.command import Result, run


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Runs commands on a data directory of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVERLAKE_DATA", str(tmp_path / "data"))

    def command(*arguments: str, stdin: bytes = b"") -> Result:
        return run(arguments, stdin, monkeypatch, capsys)

    return command
