"""The documentation as tests read it: its pages, headings, sections, and shell commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from typer.main import get_command

from everlake.cli.main import app

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_HEREDOC = re.compile(r"<<'?(\w+)'?\n.*?^\1$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
_ASSIGNMENT = re.compile(r"\w+=")
_OPERATORS = "();<>|&\n"


def pages() -> list[Path]:
    """Every page of the project, the hidden folders' aside."""
    found = [path.relative_to(ROOT) for path in ROOT.rglob("*.md")]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.parts))


def read_page(page: Path) -> str:
    return (ROOT / page).read_text("utf-8")


def prose(text: str) -> str:
    """The text without its blocks of code."""
    return _FENCE.sub("", text)


def blocks(text: str, *languages: str) -> list[str]:
    """The content of the blocks of code in these languages."""
    return [code for _, language, code in _FENCE.findall(text) if language in languages]


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Where a link into the page may lead."""
    plain = (re.sub(r"[^\w -]", "", heading.lower()) for heading in headings(text))
    return {heading.replace(" ", "-") for heading in plain}


def section(text: str, heading: str) -> str:
    """What stands below ``### heading``."""
    found = re.search(
        rf"^### {re.escape(heading)}$(.*?)(?=^#{{1,3}} |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"there is no heading ### {heading}"
    return found[1]


def commands_in(script: str) -> Iterator[list[str]]:
    """The arguments of every ``everlake`` command in a piece of shell."""
    text = _COMMENT.sub("", _HEREDOC.sub("", script).replace("\\\n", " "))
    lexer = shlex.shlex(text, posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for token in [*lexer, "\n"]:
        if token.strip(_OPERATORS):
            words.append(token)
            continue
        yield from _everlake(words)
        words = []


def _everlake(words: list[str]) -> Iterator[list[str]]:
    if words[:2] == ["sudo", "-u"]:
        words = words[3:]
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    if words and PurePosixPath(words[0]).name == "everlake":
        yield words[1:]


def program() -> Any:
    """The real command line, not yet run."""
    return get_command(app)


def walk(group: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its words."""
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        words = (*names, name)
        if hasattr(command, "list_commands"):
            yield from walk(command, words)
        else:
            yield " ".join(words), command


def parse(arguments: list[str]) -> None:
    """Parse as the program does, and run nothing.

    Raises:
        LookupError: there is no such command.
        Exception: the program's own, where it would refuse what follows.
    """
    group, names = program(), ["everlake"]
    while hasattr(group, "list_commands"):
        name, *arguments = arguments or [""]
        group = group.get_command(None, name)
        names.append(name)
        if group is None:
            raise LookupError(f"No such command: {' '.join(names)}")
    group.make_context(names[-1], list(arguments))
