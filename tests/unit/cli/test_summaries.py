from typing import Any

import pytest

from everlake.cli.lazy import LazyGroup
from everlake.cli.main import Commands
from tests.support.documentation import program


def lazy_groups(group: Any) -> list[LazyGroup]:
    """The group, if it imports its commands when they are run, and all such groups below it."""
    below = [group.get_command(None, name) for name in group.list_commands(None)]
    found = [one for each in below if hasattr(each, "list_commands") for one in lazy_groups(each)]
    return [group, *found] if isinstance(group, LazyGroup) else found


GROUPS = lazy_groups(program())
NAMES = [(group, name) for group in GROUPS for name in group.lazy_commands]


def test_the_program_itself_is_lazy() -> None:
    assert isinstance(GROUPS[0], Commands)


@pytest.mark.parametrize(("group", "name"), NAMES, ids=[name for _, name in NAMES])
def test_a_summary_is_the_first_sentence_of_the_command_s_own_help(
    group: LazyGroup, name: str
) -> None:
    command = group.get_command(None, name)

    assert group.lazy_commands[name][1] == command.help.partition("\n\n")[0].replace("\n", " ")
