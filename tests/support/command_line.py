"""Runs ``everlake`` commands in the test process."""

import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from everlake.cli.main import main


@dataclass(frozen=True)
class CommandResult:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the only line of the output, which is JSON."""
        [line] = self.out.splitlines()
        return json.loads(line)

    def lines(self) -> list[Any]:
        """Return the lines of the output, which are JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Cli: TypeAlias = Callable[..., CommandResult]


def run_command_line(
    arguments: Sequence[str],
    stdin: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> CommandResult:
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["everlake", *arguments])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    said = capsys.readouterr()
    return CommandResult(0 if code is None else int(code), said.out, said.err)


def assert_success(result: CommandResult) -> CommandResult:
    """Check that the exit code is 0; return the result."""
    assert result.code == 0, result
    return result


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs commands on a data directory of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVERLAKE_DATA", str(tmp_path / "data"))

    def command(*arguments: str, stdin: bytes = b"") -> CommandResult:
        return run_command_line(arguments, stdin, monkeypatch, capsys)

    return command
