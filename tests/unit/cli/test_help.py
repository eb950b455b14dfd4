"""What ``--help`` prints, for the program and for every command."""

import re

import pytest
from typer.testing import CliRunner

from everlake.cli.main import app
from tests.support.documentation import program, walk

NAMES = ["", *(name for name, _ in walk(program()))]
GROUPS = ["", *sorted({name.rpartition(" ")[0] for name in NAMES if " " in name})]


def help_of(name: str, option: str = "--help") -> str:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*name.split(), option])
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("name", NAMES)
def test_values_are_named_and_not_typed(name: str) -> None:
    assert not re.findall(r"<(?:str|int|float|list|path|bool|dir|file)\b[^>]*>", help_of(name))


@pytest.mark.parametrize("name", GROUPS)
def test_summaries_are_whole(name: str) -> None:
    listed = help_of(name).partition("Commands:\n")[2]

    assert listed
    assert "..." not in listed


@pytest.mark.parametrize("name", NAMES)
def test_the_short_option_for_help_is_the_same(name: str) -> None:
    assert help_of(name, "-h") == help_of(name)
