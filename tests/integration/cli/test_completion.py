"""Shell completion, requested as shells request it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EVERLAKE = str(Path(sys.executable).with_name("everlake"))

_IN_BASH = """
COMP_WORDS=("$@") COMP_CWORD=$(( $# - 1 ))
_everlake_completion "$EVERLAKE"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def run(*command: str, text: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**os.environ, **env},
        input=text,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def script() -> str:
    """The completion script for bash."""
    return run(EVERLAKE, _EVERLAKE_COMPLETE="source_bash").stdout


def test_the_script_for_bash_is_one(script: str) -> None:
    assert script.rstrip().endswith("complete -o default -F _everlake_completion everlake")
    run("bash", "-n", text=script)


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        (["se"], ["serve", "send", "search"]),
        (["send", "--re"], ["--rejected-to", "--refused-to"]),
        (["batches", "l"], ["list"]),
        (["batches", "list", "--status", "LAND"], ["LANDING", "LANDED"]),
        (["keys", "create", "--perm"], ["--permissions"]),
        (["send", "somewh"], []),
    ],
)
def test_bash_proposes_commands_options_and_their_values(
    script: str, words: list[str], proposed: list[str]
) -> None:
    asking = run("bash", "-c", script + _IN_BASH, "bash", "everlake", *words, EVERLAKE=EVERLAKE)

    assert asking.stdout.split() == proposed


def test_zsh_and_fish_show_what_each_command_does() -> None:
    asked = {"_TYPER_COMPLETE_ARGS": "everlake se", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}

    zsh = run(EVERLAKE, **asked, _EVERLAKE_COMPLETE="complete_zsh").stdout
    fish = run(EVERLAKE, **asked, _EVERLAKE_COMPLETE="complete_fish").stdout

    assert '"search":"Search for what was said, best match first."' in zsh
    assert "search\tSearch for what was said, best match first.\n" in fish


@pytest.mark.parametrize("env", [{}, {"COMP_WORDS": "everlake ", "COMP_CWORD": "1"}])
def test_naming_the_commands_imports_none_of_them(env: dict[str, str]) -> None:
    asked = {"_EVERLAKE_COMPLETE": "complete_bash", **env} if env else {}

    ended = run(sys.executable, "-X", "importtime", EVERLAKE, *([] if env else ["--help"]), **asked)

    assert "doctor" in ended.stdout
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert {name for name in imported if name.startswith("everlake.cli.")} == {
        "everlake.cli.lazy",
        "everlake.cli.main",
    }
    assert not imported & {"sqlalchemy", "httpx", "litestar", "pyarrow"}
