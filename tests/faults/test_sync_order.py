"""What the kernel saw: whenever a 202 goes out, all that it says is on the disk.

A server's system calls are recorded and replayed up to the beginning of each 202. There an image
is made of what its disk then owes, and the catalog and the archive are looked for in it.
"""

import random
import shutil
from itertools import cycle
from pathlib import Path

import pytest

from tests.faults.chaos_settings import SEED
from tests.faults.checker import archive_problems
from tests.faults.disk import (
    EverythingUnsynced,
    NamesUnsynced,
    NothingUnsynced,
    SomeUnsynced,
    SurvivalPolicy,
    write_image,
)
from tests.faults.recording import Recording
from tests.faults.replay import Replay, is_sync

LAKE = "lake"
"""Not looked at here: it is made from the rest."""


def lost(
    recording: Recording, replay: Replay, moment: int, target: Path, left: SurvivalPolicy
) -> list[str]:
    """What is missing of that which was promised, where the power is cut at a moment."""
    write_image(replay.root, target, left, without=LAKE)
    workspace_id = recording.setup["workspace_id"]
    promised = recording.promised(moment)
    return archive_problems(target, workspace_id, recording.ledger, promised)


def test_the_replay_ends_with_the_bytes_that_the_server_left(
    recording: Recording, tmp_path: Path
) -> None:
    replay = Replay(recording.data)
    for moment in recording.moments:
        replay.feed(moment)
    write_image(replay.root, tmp_path / "image", EverythingUnsynced())

    assert contents(tmp_path / "image") == contents(recording.data)


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file and directory, save for the counts, which are mapped; a directory has no bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if "metrics" not in path.relative_to(folder).parts
    }


def test_what_a_202_says_is_on_the_disk_before_it_goes_out(
    recording: Recording, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    others = cycle([(), (NamesUnsynced(),), (SomeUnsynced(chance),)])
    replay = Replay(recording.data)
    answers = set(recording.answered.values())
    assert recording.answered.keys() == recording.ledger.batches.keys()
    for place, moment in enumerate(recording.moments):
        replay.feed(moment)
        if place in answers:
            for left in (NothingUnsynced(), *next(others)):
                target = tmp_path / f"{place}-{type(left).__name__}"
                assert lost(recording, replay, place, target, left) == [], target
                shutil.rmtree(target)


LEFT_OUT = {
    "of landing objects": r"\.ndjson\.zst>",
    "of objects of refused records": r"\.rejected\.ndjson\.zst>",
    "of the objects' directory": r"/date=[^/>]*>",
    "of a directory above": r"/landing/workspace=[^/>]*>",
    "of the database's log": r"/everlake\.db-wal>",
}


@pytest.mark.parametrize("pattern", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_a_sync_that_is_left_out_is_missed(
    recording: Recording, pattern: str, tmp_path: Path
) -> None:
    replay = Replay(recording.data)
    last = max(recording.answered.values())
    for moment in recording.moments[:last]:
        if not is_sync(moment, pattern):
            replay.feed(moment)

    assert lost(recording, replay, last, tmp_path / "image", NothingUnsynced()) != []
