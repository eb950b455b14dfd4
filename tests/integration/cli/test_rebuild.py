"""The results and errors of ``everlake lake rebuild``."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import Cli, assert_success
from tests.support.server import run_everlake
from tests.support.worker_fixture import WorkerFixture, record


@pytest.fixture
def home(tmp_path: Path) -> Iterator[WorkerFixture]:
    made = WorkerFixture(tmp_path)
    yield made
    made.close()


def test_the_command_says_what_it_made(cli: Cli) -> None:
    assert_success(cli("init"))
    done = assert_success(cli("lake", "rebuild"))

    assert "0 records, 0 utterances" in done.out


def test_json_is_one_line_for_all_workspaces(cli: Cli) -> None:
    first = assert_success(cli("init", "--json")).json()["workspace_id"]
    second = assert_success(cli("workspaces", "create", "--name", "b", "--json")).json()[
        "workspace_id"
    ]

    done = assert_success(cli("lake", "rebuild", "--all", "--json")).json()
    assert done["ok"] is True
    assert [each["workspace_id"] for each in done["workspaces"]] == [first, second]
    assert done["workspaces"][0]["problems"] == []

    one = assert_success(cli("lake", "rebuild", "--workspace", second, "--json")).json()
    assert [each["workspace_id"] for each in one["workspaces"]] == [second]


def test_a_lost_object_is_told_with_what_to_do_and_exit_code_1(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a"))
    home.process_all()
    home.landing_file(batch_id).unlink()

    done = run_everlake("lake", "rebuild", data=home.data, check=False)
    assert done.returncode == 1
    assert f"batch {batch_id}: its landing object" in done.stdout
    assert "-> restore the object from a backup" in done.stdout
    assert "1 record, 1 utterance" in done.stdout

    told = json.loads(run_everlake("lake", "rebuild", "--json", data=home.data, check=False).stdout)
    assert told["ok"] is False
    assert set(told["workspaces"][0]["problems"][0]) == {"batch_id", "problem", "action"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workspace", "ws_none"], "there is no workspace ws_none"),
        (["--workspace", "ws_none", "--all"], "exclude each other"),
    ],
)
@pytest.mark.parametrize("command", ["rebuild", "verify"])
def test_a_wrong_workspace_is_told(
    cli: Cli, command: str, arguments: list[str], message: str
) -> None:
    assert_success(cli("init"))
    done = cli("lake", command, *arguments)

    assert done.code == 1
    assert message in done.err


@pytest.mark.parametrize("command", ["rebuild", "verify"])
def test_a_directory_without_a_catalog_is_told(cli: Cli, command: str) -> None:
    done = cli("lake", command)

    assert done.code == 1
    assert "run everlake init or everlake serve" in done.err
