"""everlake batches watch and errors, on a data directory without a server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.catalog import batch_queue
from everlake.clock import now_ms
from everlake.contract.batches import BatchStatus
from tests.support.command_line import Cli, assert_success
from tests.support.server import environment
from tests.support.worker_fixture import WorkerFixture, record

WAY = ["LANDING", "LANDED", "PROCESSING", "COMPLETE"]
WRONG = record("wrong") | {"_participants": [{"id": "1", "role": "boss"}] * 3, "[/red]": 1}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[WorkerFixture]:
    home = WorkerFixture(tmp_path / "data")
    yield home
    home.close()


def watching(home: WorkerFixture, batch_id: str, *options: str) -> "subprocess.Popen[str]":
    """Start the command as a process, to read its output while the batch is processed."""
    return subprocess.Popen(
        [sys.executable, "-m", "everlake", "batches", "watch", batch_id, *options],
        env=environment(home.data),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_each_status_of_a_watched_batch_is_a_line(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a"), record("b"), {})
    with watching(home, batch_id) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        home.process_all()
        lines += process.stdout
    assert process.returncode == 0
    assert [line.split() for line in lines] == [
        [status, "2", "accepted,", "1", "rejected"] for status in WAY
    ]


def test_with_json_each_change_is_the_batch_as_the_api_gives_it(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a"))
    with watching(home, batch_id, "--json") as process:
        assert process.stdout is not None
        batches = [json.loads(process.stdout.readline())]
        home.process_all()
        batches += map(json.loads, process.stdout)
    assert [batch["status"] for batch in batches] == WAY
    assert {batch["batch_id"] for batch in batches} == {batch_id}


def test_a_watched_batch_that_fails_ends_in_exit_code_1_and_says_why(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a"))
    with watching(home, batch_id) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        with home.catalog.transaction() as tx:
            [claimed] = batch_queue.claim(
                tx,
                status=BatchStatus.LANDING,
                owner="test",
                now=now_ms(),
                lease_ms=60_000,
                max_batches=1,
                max_records=1,
                max_bytes=1,
            )
            batch_queue.fail(tx, [claimed.id], owner="test", now=now_ms(), reason="for the test")
        assert process.stdout.read().startswith("FAILED")
        assert process.stderr.read() == f"everlake: batch {batch_id} is FAILED: for the test\n"
    assert process.returncode == 1


def test_a_batch_that_has_ended_is_told_of_once(cli: Cli, home: WorkerFixture) -> None:
    batch_id = home.accept(record("a"))
    home.process_all()
    assert assert_success(cli("batches", "watch", batch_id)).out.split() == [
        *("COMPLETE", "1", "accepted,", "0", "rejected")
    ]


def test_errors_are_counted_by_kind_the_most_frequent_first(cli: Cli, home: WorkerFixture) -> None:
    batch_id = home.accept(record("right"), WRONG, WRONG)
    header, *rows = assert_success(cli("batches", "errors", batch_id)).out.splitlines()
    assert header.split() == ["COUNT", "CODE", "MESSAGE"]
    assert [row.split(maxsplit=2) for row in map(str.rstrip, rows)] == [
        ["6", "VALIDATION_ERROR", "_participants[n].role: must be internal, external or unknown"],
        # What a sender named like our own markup stands there as it is.
        ["2", "VALIDATION_ERROR", "[/red]: is not a member of the envelope: put it inside data"],
    ]
    short = assert_success(cli("batches", "errors", batch_id, "--limit", "1")).out
    assert "_participants" in short
    assert "[/red]" not in short
    assert "and 1 more" in short
    assert "[/red]: is not" in assert_success(cli("batches", "show", batch_id)).out


def test_with_json_each_refused_record_is_a_line_with_its_payload(
    cli: Cli, home: WorkerFixture
) -> None:
    batch_id = home.accept(record("right"), WRONG, {})
    first, second = assert_success(cli("batches", "errors", batch_id, "--json")).lines()
    assert (first["index"], second["index"]) == (1, 2)
    assert json.loads(first["payload"]) == WRONG
    assert len(first["errors"]) == 4
    assert second["payload"] == "{}"
    assert {error["code"] for error in second["errors"]} == {"VALIDATION_ERROR"}


def test_where_nothing_was_refused_there_is_nothing_to_show(cli: Cli, home: WorkerFixture) -> None:
    batch_id = home.accept(record("right"))
    assert (
        "No record of this batch was rejected."
        in assert_success(cli("batches", "errors", batch_id)).out
    )
    assert assert_success(cli("batches", "errors", batch_id, "--json")).out == ""


@pytest.mark.parametrize("command", ["watch", "errors", "show"])
def test_an_unknown_batch_is_a_clear_error(cli: Cli, home: WorkerFixture, command: str) -> None:
    other = home.new_workspace("other")
    theirs = home.accept(record("a"), workspace_id=other)
    for batch_id in ("unknown", theirs):
        refused = cli("batches", command, batch_id)
        assert refused.code == 1
        assert refused.err == (
            f"everlake: there is no batch {batch_id}: everlake batches list shows them\n"
        )
    if command != "watch":
        assert_success(cli("batches", command, theirs, "--workspace", other))


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_refused_records_that_are_lost_or_damaged_are_a_clear_error(
    cli: Cli, home: WorkerFixture, options: tuple[str, ...]
) -> None:
    batch_id = home.accept(record("right"), {})
    path = home.batch(batch_id).rejected_path
    assert path is not None
    file = home.data / path
    file.write_bytes(file.read_bytes()[:-1])
    damaged = cli("batches", "errors", batch_id, *options)
    file.unlink()
    lost = cli("batches", "errors", batch_id, *options)
    assert damaged.code == lost.code == 1
    for ended in (damaged, lost):
        assert f"{path} cannot be read" in ended.err
        assert "Restore it from a backup" in ended.err
    assert f"there is no object at {path}" in lost.err


def test_a_batch_may_be_named_by_the_beginning_of_its_id(
    home: WorkerFixture, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id, other = home.accept(record("a")), home.accept(record("b"))
    monkeypatch.setenv("EVERLAKE_DATA", str(home.data))

    shown = assert_success(cli("batches", "show", batch_id[:30].upper(), "--json")).json()
    assert shown["batch_id"] == batch_id
    assert_success(cli("batches", "attachments", other[:30]))
    assert other in cli("batches", "retry", other[:30]).err
    assert "there is no batch 0000" in cli("batches", "show", "0000").err
    assert "more than one batch begins with 0" in cli("batches", "show", "0").err
