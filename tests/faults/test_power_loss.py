"""The power is cut, and a server is started on what the disk then holds.

A real server's system calls are recorded under load, with their data, and replayed into a model
of a disk that knows what was synced. At chosen moments images are made of it: of what is owed
alone; of all names and no unsynced byte; of some of the unsynced names and bytes, torn at
sectors; and of everything, as after a kill. A server is started on each and must go on by itself:
every batch whose 202 had begun to go out ends ``COMPLETE``, and all is as it was promised.

Beside a file system that drops what was not synced, this has three things for it. One recording
gives thousands of moments, so that each window between two system calls can be hit, and hit
again with the same seed. It is a harder judge than any one file system, since it owes what
fsync(2) says and no more. And nothing stands between the server and its real disk but a debugger.
:mod:`tests.faults.test_power_cut` does the same on a real file system, with what that one leaves.
"""

import random
import shutil
import threading
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from everlake.settings import load
from everlake.worker.service import Worker
from tests.faults.batch_counts import BatchCounts
from tests.faults.chaos_settings import SEED, scaled
from tests.faults.checker import batch_ids, problems
from tests.faults.disk import (
    EverythingUnsynced,
    NamesUnsynced,
    NothingUnsynced,
    SomeUnsynced,
    SurvivalPolicy,
    write_image,
)
from tests.faults.ledger import Ledger, body_of
from tests.faults.recording import BUSY, Recording
from tests.faults.replay import Replay, is_sync
from tests.support.processes import wait_until
from tests.support.server import ApiClient, running_server

IMAGES = scaled(16)
SERVED = scaled(2)
_RESENT = 12


def moments_of_interest(recording: Recording, chance: random.Random, count: int) -> list[int]:
    """Moments, in their order: at answers, within commits and checkpoints, and any."""
    answers = list(recording.answered.values())
    first, last = min(answers), len(recording.moments) - 1
    commits: list[int] = []
    checkpoints: list[int] = []
    for place, moment in enumerate(recording.moments[first:], first):
        name, arguments = moment.call.name, moment.call.arguments
        if name.startswith(("rename", "link")) and (
            "_versions/" in arguments or "_indices/" in arguments
        ):
            commits += range(place + 1, place + 12)
        elif name == "pwrite64" and "/everlake.db>" in arguments:
            checkpoints.append(place + 1)
    kinds = cycle([commits, answers, commits, range(first, last), commits, checkpoints])
    return sorted(min(chance.choice(next(kinds)), last) for _ in range(count))


def survivals(chance: random.Random) -> Iterator[SurvivalPolicy]:
    """Each in its turn, the hard ones more often."""
    return cycle(
        [
            NamesUnsynced(),
            SomeUnsynced(chance),
            NothingUnsynced(),
            SomeUnsynced(chance),
            EverythingUnsynced(),
        ]
    )


def images(recording: Recording, folder: Path, seed: str, count: int) -> Iterator[tuple[Path, int]]:
    """Images of the disk at moments of one recording, and the moments."""
    chance = random.Random(seed)
    left = survivals(chance)
    replay = Replay(recording.data)
    fed = 0
    for number, place in enumerate(moments_of_interest(recording, chance, count)):
        for moment in recording.moments[fed : place + 1]:
            replay.feed(moment)
        fed = max(fed, place + 1)
        survival = next(left)
        target = folder / f"{number}-at-{place}-{type(survival).__name__}"
        write_image(replay.root, target, survival)
        yield target, place
        shutil.rmtree(target)


def work_to_the_end(data: Path) -> None:
    """Let a worker do what there is to do."""
    worker = Worker(load({"data": str(data)}, environ=BUSY))
    counts = BatchCounts(data)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        wait_until(lambda: counts.unfinished() == 0, f"batches wait for ever in {data}")
    finally:
        worker.stop()
        thread.join()
        counts.close()


@pytest.mark.timeout(120 + 30 * IMAGES)
def test_a_worker_goes_on_by_itself_and_nothing_promised_is_lost(
    recording: Recording, tmp_path: Path
) -> None:
    workspace_id = recording.setup["workspace_id"]
    for data, place in images(recording, tmp_path, f"{SEED}/worker", IMAGES):
        work_to_the_end(data)

        there = batch_ids(data, workspace_id)
        promises = recording.ledger.of(there | recording.promised(place))
        assert problems(data, workspace_id, promises) == [], data


@pytest.mark.timeout(120 + 60 * SERVED)
def test_a_server_goes_on_and_knows_the_requests_that_are_sent_again(
    recording: Recording, tmp_path: Path
) -> None:
    workspace_id = recording.setup["workspace_id"]
    for data, place in images(recording, tmp_path, f"{SEED}/server", SERVED):
        promised = recording.promised(place)
        with running_server("serve", data, BUSY) as server:
            api = ApiClient(server.url, recording.setup)
            promises = recording.ledger.of(batch_ids(data, workspace_id) | promised)
            send_again(api, recording, promises, promised)
            api.wait_until_complete(*promises.batches)

            assert problems(data, workspace_id, promises, api) == [], data
            assert server.stop() == 0


def send_again(api: ApiClient, recording: Recording, promises: Ledger, promised: set[str]) -> None:
    """Send what clients sent last before the cut and what they sent next; note what is new."""
    answered = list(recording.answered)
    middle = len(promised)
    for batch_id in answered[max(0, middle - _RESENT) : middle + _RESENT]:
        if (key := recording.ledger.keys.get(batch_id)) is None:
            continue
        records, refused = recording.ledger.batches[batch_id], recording.ledger.refused[batch_id]
        answer = api.post(body_of(records, refused), headers={"idempotency-key": key})
        assert answer.status_code == 202, answer.text
        if batch_id in promised:
            assert answer.json()["batchId"] == batch_id
            assert answer.headers["idempotent-replayed"] == "true"
        promises.write(answer.json()["batchId"], records, refused)


LAKE_SYNCS = {
    "of the tables' data": r"/data/[^/>]*\.lance>",
    "of the tables' versions": r"\.manifest>",
    "of the tables' directories": r"\.lance(/\w+)?>",
}


@pytest.mark.parametrize("pattern", LAKE_SYNCS.values(), ids=LAKE_SYNCS.keys())
def test_a_sync_of_the_lake_that_is_left_out_is_missed(
    recording: Recording, pattern: str, tmp_path: Path
) -> None:
    replay = Replay(recording.data)
    for moment in recording.moments:
        if not is_sync(moment, pattern):
            replay.feed(moment)
    data = tmp_path / "image"
    write_image(replay.root, data, NothingUnsynced())

    work_to_the_end(data)

    assert problems(data, recording.setup["workspace_id"], recording.ledger) != []
