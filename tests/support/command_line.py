"""The whole command line in this process: what ``everlake`` itself calls, without its start."""

import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest

from everlake.cli.main import main


@dataclass(frozen=True)
class CommandResult:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one line of JSON that was printed."""
        [line] = self.out.splitlines()
        return json.loads(line)

    def lines(self) -> list[Any]:
        """The lines of JSON that were printed."""
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
    """``result``, when its command ended well."""
    assert result.code == 0, result
    return result
