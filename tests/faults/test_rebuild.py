"""``everlake lake rebuild`` as a process: stopped at any instant, and beside a server."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from everlake.cli.console import pluralize
from everlake.contract.batches import BatchStatus
from everlake.lake import Lake
from everlake.tables.local_backend import LocalTableBackend
from tests.support.processes import wait_until
from tests.support.rebuilds import fill, table_rows
from tests.support.server import (
    NO_RATE_LIMIT,
    ApiClient,
    EverlakeServer,
    environment,
    run_everlake,
    run_everlake_json,
)
from tests.support.worker_fixture import WorkerFixture, record

KILLED = -signal.SIGKILL

DYING = """
import os, signal, sys
from pathlib import Path
from everlake.cli import main

rename = Path.rename
left = int(sys.argv.pop(1))

def dying(self, target):
    global left
    if self.name.startswith("workspace=") and self.is_dir():
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
    return rename(self, target)

Path.rename = dying
main.main()
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[WorkerFixture]:
    made = WorkerFixture(tmp_path)
    yield made
    made.close()


def started(data: Path, *program: str, options: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start a rebuild."""
    return subprocess.Popen(
        [sys.executable, *(program or ("-m", "everlake")), "lake", "rebuild", *options],
        env=environment(data),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def rebuild(data: Path) -> None:
    done = run_everlake("lake", "rebuild", data=data)
    assert done.returncode == 0


def killed_at(data: Path, line: str, seconds: float) -> bool:
    """Kill a rebuild some time after it prints ``line``; return whether it was still running."""
    process = started(data)
    assert process.stderr is not None
    while (said := process.stderr.readline()) and not said.startswith(line):
        pass
    time.sleep(seconds)
    process.kill()
    process.communicate(timeout=60)
    return process.returncode == KILLED


@pytest.mark.timeout(240)
def test_killed_at_any_moment_it_goes_on_and_comes_out_the_same(home: WorkerFixture) -> None:
    fill(home)
    before = table_rows(home.data, home.workspace_id)
    chance = random.Random(1)
    moments = ["reading the archive", "writing the tables", "indexing", "catching up"]
    for moment in [*moments, *moments]:
        killed_at(home.data, moment, chance.uniform(0, 0.1))
        assert table_rows(home.data, home.workspace_id) == before

    rebuild(home.data)

    assert table_rows(home.data, home.workspace_id) == before
    assert list((home.data / "lake").glob("rebuild*")) == []


@pytest.mark.timeout(240)
@pytest.mark.parametrize("renames", [0, 1, 2])
@pytest.mark.parametrize("who", ["reader", "worker", "nobody"])
def test_killed_inside_the_swap_the_tables_are_whole_for_whoever_comes(
    home: WorkerFixture, renames: int, who: str
) -> None:
    fill(home)
    before = table_rows(home.data, home.workspace_id)
    process = started(home.data, "-c", DYING, str(renames))
    process.communicate(timeout=60)
    assert process.returncode == KILLED

    if who == "reader":
        reader = Lake(LocalTableBackend(home.data))
        assert reader.records.count(home.workspace_id) == len(before["records"])
        assert table_rows(home.data, home.workspace_id) == before
    elif who == "worker":
        batch_id = home.accept(record("came after the kill", "came after the kill"))
        while home.batch(batch_id).status is not BatchStatus.COMPLETE:
            home.process_all()  # as soon as the right to write has run out
            time.sleep(0.1)
        assert home.search_texts('"after the kill"') == ["came after the kill"]
        before = table_rows(home.data, home.workspace_id)
    rebuild(home.data)

    assert table_rows(home.data, home.workspace_id) == before
    assert list((home.data / "lake").glob("rebuild/*")) == []


def test_all_goes_on_with_the_workspaces_that_are_not_done(home: WorkerFixture) -> None:
    second = home.new_workspace("second")
    fill(home)
    home.accept(record("a"), workspace_id=second)
    home.process_all()
    places = [Path(home.lake.engine.table_set(each).uri) for each in (home.workspace_id, second)]
    process = started(home.data, "-c", DYING, "3", options=["--all"])
    process.communicate(timeout=60)
    assert process.returncode == KILLED
    done = places[0].stat().st_ino

    again = run_everlake("lake", "rebuild", "--all", data=home.data)

    assert f"workspace {home.workspace_id} was rebuilt before" in again.stderr
    assert "reading the archive" not in again.stderr
    assert places[0].stat().st_ino == done
    assert [line.split(":")[1] for line in again.stdout.splitlines()] == [
        f" {pluralize(len(table_rows(home.data, each)['records']), 'record')}, "
        f"{pluralize(len(table_rows(home.data, each)['utterances']), 'utterance')}"
        for each in (home.workspace_id, second)
    ]
    run_everlake("lake", "rebuild", data=home.data)
    assert places[0].stat().st_ino != done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_hand_it_ends_at_once_and_goes_on(
    home: WorkerFixture, number: signal.Signals
) -> None:
    fill(home)
    before = table_rows(home.data, home.workspace_id)
    process = started(home.data)
    assert process.stderr is not None
    assert process.stderr.readline() == "reading the archive\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    assert process.returncode == 128 + number

    rebuild(home.data)
    assert table_rows(home.data, home.workspace_id) == before


def test_a_second_one_beside_it_is_refused(home: WorkerFixture) -> None:
    fill(home)
    process = started(home.data)
    assert process.stderr is not None
    assert process.stderr.readline() == "reading the archive\n"
    os.kill(process.pid, signal.SIGSTOP)
    try:
        refused = run_everlake("lake", "rebuild", data=home.data, check=False)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    process.communicate(timeout=60)

    assert refused.returncode == 1
    assert f"process {process.pid} is running a rebuild" in refused.stderr
    assert process.returncode == 0


def test_other_processes_read_the_whole_all_the_time(home: WorkerFixture) -> None:
    fill(home)
    expected = len(table_rows(home.data, home.workspace_id)["records"])
    found = sorted(home.search_texts("again turn"))
    stop = threading.Event()
    errors: list[BaseException] = []
    reads: list[int] = []

    def read() -> None:
        try:
            reader = Lake(LocalTableBackend(home.data))
            while not stop.is_set():
                reads.append(reader.records.count(home.workspace_id))
                page = reader.records.page(home.workspace_id, limit=1_000)
                assert len(page.records) == expected
                assert sorted(home.search_texts("again turn")) == found
        except BaseException as error:  # noqa: BLE001 - looked at below
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for _ in range(3):
            rebuild(home.data)
    finally:
        stop.set()
        thread.join()
    assert errors == []
    assert set(reads) == {expected}


class Senders:
    """Threads that send records, some of them repeatedly, until they are stopped."""

    def __init__(self, api: ApiClient, count: int = 2) -> None:
        self._api = api
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(count)]
        self.accepted: list[str] = []
        self.errors: list[BaseException] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, number: int) -> None:
        turn = 0
        try:
            while not self._stop.is_set():
                turn += 1
                names = [f"shared {turn % 50}", f"{number} {turn}"]
                batch: list[dict[str, Any]] = [
                    self._api.record(_vendor_ids={"id": name}, data={"text": f"said in {turn}"})
                    for name in names
                ]
                self.accepted.append(self._api.accept(batch))
                time.sleep(0.01)
        except BaseException as error:  # noqa: BLE001 - looked at by the test, in its own thread
            self.errors.append(error)

    def wait_for(self, count: int) -> None:
        wait_until(lambda: len(self.accepted) >= count, "batches are accepted")


def verified(data: Path) -> Any:
    done = run_everlake("lake", "verify", "--json", data=data, check=False)
    return json.loads(done.stdout)


@pytest.mark.timeout(300)
def test_a_server_takes_in_and_lands_all_the_time(tmp_path: Path) -> None:
    setup = run_everlake_json("init", data=tmp_path)
    server = EverlakeServer("serve", tmp_path, NO_RATE_LIMIT)
    server.start()
    try:
        api = ApiClient(server.url, setup)
        with Senders(api) as senders:
            for turn in range(3):
                senders.wait_for(40 * (turn + 1))
                if turn == 2:
                    (tmp_path / "lake").rename(tmp_path / "gone")
                    shutil.rmtree(tmp_path / "gone")
                rebuild(tmp_path)
        assert senders.errors == []
        api.wait_until_complete(*senders.accepted, within=120)
        found = verified(tmp_path)
        assert found["ok"], found
        [workspace] = found["workspaces"]
        assert workspace["batches"] == len(senders.accepted)
        assert workspace["records"] == len(set(names_of(senders.accepted, api)))
    finally:
        server.stop()
    assert verified(tmp_path)["ok"]


def names_of(batch_ids: Sequence[str], api: ApiClient) -> Iterator[str]:
    """The ids of the records that the API shows, page by page."""
    cursor: str | None = None
    while True:
        query = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
        page = api.http.get("/api/v1/records", params=query).json()
        yield from (one["recordId"] for one in page["records"])
        cursor = page["nextCursor"]
        if cursor is None:
            return
