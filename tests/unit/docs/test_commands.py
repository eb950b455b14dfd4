import re
from pathlib import Path

import pytest

from tests.support.documentation import (
    blocks,
    commands_in,
    pages,
    parse,
    program,
    prose,
    read_page,
    walk,
)

PAGES = pages()
COMMANDS = dict(walk(program()))


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERLAKE_API_KEY", "em_sk_example")
    monkeypatch.delenv("EVERLAKE_URL", raising=False)


def commands_of(page: Path) -> list[list[str]]:
    scripts = blocks(read_page(page), "sh", "console", "ini")
    shell = (script.replace("ExecStart=", "") for script in scripts)
    return [command for script in shell for command in commands_in(script)]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_in_a_block_is_one_that_the_program_takes(page: Path) -> None:
    for command in commands_of(page):
        parse(command)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_in_a_sentence_exists(page: Path) -> None:
    for said in re.findall(
        r"`(?:ExecStart=)?(?:[\w./]*/)?everlake ([a-z][^`]*)`", prose(read_page(page))
    ):
        words = said.split()
        name = max((n for n in COMMANDS if words[: len(n.split())] == n.split()), default=None)
        group = {each.split()[0] for each in COMMANDS if " " in each}
        assert name is not None or words[0] in group, said
        options = {word for word in words if word.startswith("--")}
        known = {opt for p in COMMANDS[name].params for opt in p.opts} if name else set()
        assert options <= known, said


def test_commands_are_found_where_they_stand() -> None:
    script = (
        "export A=b\n"
        "everlake init --json   # a word on it\n"
        "cat x | A=1 everlake send - \\\n  --wait > out && /opt/.venv/bin/everlake worker\n"
        "sudo -u me B=2 everlake serve\n"
        "cat > f <<'END'\neverlake in a file\nEND\n"
        "echo $(everlake keys list) 'everlake quoted'\n"
    )
    assert list(commands_in(script)) == [
        ["init", "--json"],
        ["send", "-", "--wait"],
        ["worker"],
        ["serve"],
        ["keys", "list"],
    ]


def test_the_pages_show_most_of_the_program() -> None:
    shown = {" ".join(command[:2]) for page in PAGES for command in commands_of(page)}
    starts = {name for name in COMMANDS if any(f"{each} ".startswith(f"{name} ") for each in shown)}
    assert len(starts) >= len(COMMANDS) * 3 // 4, set(COMMANDS) - starts


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "keys nonsense",
        "serve --nonsense",
        "serve --port much",
        "search",
        "batches show",
    ],
)
def test_a_command_line_that_the_program_refuses_is_noticed(line: str) -> None:
    with pytest.raises(Exception, match=r"(?i)no such|missing|valid integer"):
        parse(line.split())
