"""``everlake lake verify``: what it prints, and what its exit code says."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.attachments.paths import content_path
from tests.support.command_line import Cli, assert_success
from tests.support.hostile_behaviours import hostile_server
from tests.support.rebuilds import fill
from tests.support.worker_attachments import (
    attach,
    attachment_worker,
    landed,
    rows_of,
    with_attachments,
)
from tests.support.worker_fixture import WorkerFixture, record


@pytest.fixture
def home(tmp_path: Path) -> Iterator[WorkerFixture]:
    """The home that the commands are about."""
    made = WorkerFixture(tmp_path / "data")
    yield made
    made.close()


def test_a_lake_that_is_right_is_said_to_be(home: WorkerFixture, cli: Cli) -> None:
    fill(home)
    records = home.lake.records.count(home.workspace_id)

    done = assert_success(cli("lake", "verify"))

    assert done.out == (
        f"workspace {home.workspace_id}: 18 batches, {records} records, no problems\n"
    )
    assert done.err.splitlines()[0] == "reading the table records"


def test_json_is_one_object_for_all_workspaces(home: WorkerFixture, cli: Cli) -> None:
    other = home.new_workspace("other")
    home.accept(record("a"), workspace_id=other)
    fill(home)
    home.process_all()

    done = assert_success(cli("lake", "verify", "--all", "--json")).json()

    assert done["ok"] is True
    assert [each["workspace_id"] for each in done["workspaces"]] == [home.workspace_id, other]
    assert done["workspaces"][1] == {
        "workspace_id": other,
        "batches": 1,
        "records": 1,
        "problems": [],
        "orphans": [],
    }
    one = assert_success(cli("lake", "verify", "--workspace", other, "--json")).json()
    assert [each["workspace_id"] for each in one["workspaces"]] == [other]


def test_a_problem_is_told_with_what_to_do_and_exit_code_1(home: WorkerFixture, cli: Cli) -> None:
    fill(home)
    batch_id = home.accept(record("a"))
    home.process_all()
    home.landing_file(batch_id).unlink()

    done = cli("lake", "verify")
    assert done.code == 1
    said = done.out.splitlines()
    assert said[0].endswith(", 1 problem")
    assert said[1].startswith(f"batch {batch_id}: its landing object landing/")
    assert said[2].startswith("  -> restore the object from a backup")

    told = cli("lake", "verify", "--json")
    assert told.code == 1
    assert told.json()["ok"] is False
    [problem] = told.json()["workspaces"][0]["problems"]
    assert set(problem) == {"batch_id", "problem", "action"}
    assert problem["batch_id"] == batch_id


def test_a_problem_of_one_workspace_is_one_of_all(home: WorkerFixture, cli: Cli) -> None:
    fill(home)
    other = home.new_workspace("other")
    home.accept(record("a"), workspace_id=other)
    home.process_all()
    shutil.rmtree(Path(home.lake.engine.table_set(other).uri))

    assert cli("lake", "verify").code == 0
    assert cli("lake", "verify", "--all").code == 1
    assert_success(cli("lake", "rebuild", "--workspace", other))
    assert cli("lake", "verify", "--all").code == 0


def test_objects_without_a_batch_are_told_and_the_exit_code_is_0(
    home: WorkerFixture, cli: Cli
) -> None:
    fill(home)
    orphan = home.landing_file(home.accept(record("a"))).with_name("0198c0de-0.ndjson.zst")
    orphan.write_bytes(b"x")
    then = time.time() - 3_600
    os.utime(orphan, (then, then))

    done = assert_success(cli("lake", "verify"))

    assert "1 object of no batch, such as landing/" in done.out
    assert "a worker moves them to orphans/" in done.out


def test_an_empty_workspace_is_right(cli: Cli) -> None:
    assert_success(cli("init"))

    assert "0 batches, 0 records, no problems" in assert_success(cli("lake", "verify")).out


def test_content_of_attachments_that_is_not_there_or_not_whole_is_told(
    home: WorkerFixture, cli: Cli
) -> None:
    with hostile_server() as server, attachment_worker(home) as fetcher:
        urls = [server.url(f"file/{size}") for size in (100, 200, 300)]
        batch_id = landed(home, with_attachments("a", *map(attach, urls)))
        other_id = landed(home, with_attachments("b", attach(server.url("file/400"))))
        for each in (batch_id, other_id):
            fetcher.run_until_settled(each)
    assert assert_success(cli("lake", "verify", "--json")).json()["ok"] is True
    gone, cut, _ = rows_of(home, batch_id)
    files = [home.data / content_path(home.workspace_id, row.sha256 or "") for row in (gone, cut)]
    files[0].unlink()
    os.truncate(files[1], 7)

    done = cli("lake", "verify", "--json")

    assert done.code == 1
    [problem] = done.json()["workspaces"][0]["problems"]
    assert problem["batch_id"] == batch_id
    assert problem["problem"] == (
        "the contents of 2 of its attachments are missing in the storage, or cut off "
        f"(one is {gone.id})"
    )
    assert content_path(home.workspace_id, gone.sha256 or "") in problem["action"]
