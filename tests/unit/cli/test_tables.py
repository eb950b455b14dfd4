"""Tables that commands print on a terminal."""

import io

import pytest
from rich.console import Console

from everlake.cli import console

BATCH_ID = "01a229c8-3336-7592-9bbc-2b45d6b4cce4"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("NO_COLOR", "1")
    made = Terminal()
    monkeypatch.setattr(console, "out", Console(file=made, force_terminal=True, width=80))
    return made


def test_ids_and_times_are_not_cut_or_wrapped_on_a_narrow_terminal(terminal: Terminal) -> None:
    headers = ["ID", "STATUS", "CREATED", "ACCEPTED", "REJECTED", "SOURCE", "TYPE"]
    row = [BATCH_ID, "COMPLETE", "2026-11-29 23:11:12", 2, 1, "api", "call_transcription"]

    console.print_table(headers, [row])

    first, second = terminal.getvalue().splitlines()
    assert [each for each in headers if each not in first] == []
    assert [each for each in row if str(each) not in second] == []


def test_wide_characters_take_two_columns(terminal: Terminal) -> None:
    name = "東京の顧客の会社の名前"

    console.print_table(["ID", "NAME", "MESSAGE"], [[BATCH_ID, name, "said " * 30]])

    assert name in terminal.getvalue().splitlines()[1]


def test_a_long_text_is_wrapped_and_whole(terminal: Terminal) -> None:
    text = "said " * 30 + "enough"

    console.print_table(["ID", "MESSAGE"], [[BATCH_ID, text]])

    lines = terminal.getvalue().splitlines()
    assert len(lines) > 3
    assert BATCH_ID in lines[1]
    assert " ".join(lines[1:]).split() == [BATCH_ID, *text.split()]
