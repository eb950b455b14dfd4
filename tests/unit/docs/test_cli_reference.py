import re
from typing import Any

import pytest

from tests.support.documentation import ROOT, program, section, walk

REFERENCE = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
COMMANDS = dict(walk(program()))


def options_of(command: Any) -> set[str]:
    names: set[str] = set()
    for parameter in command.params:
        if parameter.param_type_name == "option":
            names.update(parameter.opts, parameter.secondary_opts)
    return names - {"--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_heading_and_names_its_options(name: str) -> None:
    text = section(REFERENCE, f"everlake {name}")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`(--[\w-]+)`", prose)) == options_of(COMMANDS[name])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_default_of_an_option_is_told_where_it_is_named(name: str) -> None:
    text = section(REFERENCE, f"everlake {name}")
    for parameter in COMMANDS[name].params:
        default = parameter.default
        if isinstance(default, str | int) and not isinstance(default, bool):
            assert f"{default}" in text or parameter.name in {"host", "port"}, parameter.name


def test_no_heading_names_a_command_that_is_not_there() -> None:
    named = set(re.findall(r"^### everlake (.+)$", REFERENCE, re.MULTILINE))
    assert named == set(COMMANDS)
