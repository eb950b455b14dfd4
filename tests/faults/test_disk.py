"""The disk of the power cuts: what it owes after a loss of power, and what it may have besides."""

import random
import sys
from pathlib import Path

import pytest

from tests.faults.disk import (
    SECTOR,
    EverythingUnsynced,
    NamesUnsynced,
    NothingUnsynced,
    SomeUnsynced,
    SurvivalPolicy,
    write_image,
)
from tests.faults.replay import CALLS, Replay, moments
from tests.faults.strace import Call, Tracer, read_calls, skip_where_not_allowed, strace_output

BIG = 8 * SECTOR
PROGRAM = f"""
import os, sys
from pathlib import Path

def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)

here = Path(sys.argv[1])
here.mkdir()
for name in ("kept", "moved", "gone", "cut", "overwritten", "replaced"):
    Path(here, name).write_text("old " + name)
    sync(here / name)
for name in ("folder", "other"):
    Path(here, name).mkdir()
sync(here)

(here / "kept").rename(here / "folder" / "kept")
(here / "folder" / "late").write_text("late")
(here / "folder" / "late").rename(here / "other" / "late")
sync(here / "other")

(here / "unnamed").write_text("synced, but not its name")
sync(here / "unnamed")
(here / "empty").write_text("named later, and never synced")
(here / "gone").unlink()
(here / "moved").rename(here / "moved away")
(here / "replacement").write_text("new")
(here / "replacement").replace(here / "replaced")
with open(here / "cut", "r+") as file:
    file.truncate(3)
file = os.open(here / "overwritten", os.O_RDWR)
os.pwrite(file, b"NEW", 0)
os.pwrite(file, b"x" * {BIG}, {SECTOR})
os.close(file)
"""


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    """The program, replayed to its end."""
    folder = tmp_path_factory.mktemp("program")
    data, output = folder / "data", folder / "1.trace"
    tracer = Tracer(CALLS, 1 << 20)
    with tracer.running(sys.executable, "-c", PROGRAM, str(data), output=output) as program:
        program.wait(60)
    skip_where_not_allowed(output)
    assert program.returncode == 0, strace_output(output).read_text()
    replay = Replay(data)
    for moment in moments(read_calls(output)):
        replay.feed(moment)
    assert files(data) == image(replay, folder / "image", EverythingUnsynced())
    return replay


def files(folder: Path) -> dict[str, str]:
    """The text of every file, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def image(replay: Replay, target: Path, survival: SurvivalPolicy) -> dict[str, str]:
    write_image(replay.root, target, survival)
    return files(target)


def test_what_is_owed_is_what_was_synced(replay: Replay, tmp_path: Path) -> None:
    assert image(replay, tmp_path / "image", NothingUnsynced()) == {
        "moved": "old moved",
        "gone": "old gone",
        "cut": "old cut",
        "overwritten": "old overwritten",
        "replaced": "old replaced",
        # Safe with a later move, which the sync of the directory that it went to has made safe.
        "folder/kept": "old kept",
        "other/late": "",
    }


def test_names_may_come_before_their_bytes(replay: Replay, tmp_path: Path) -> None:
    assert image(replay, tmp_path / "image", NamesUnsynced()) == {
        "moved away": "old moved",
        "unnamed": "synced, but not its name",
        "empty": "",
        "cut": "old cut",
        "overwritten": "old overwritten",
        "replaced": "",
        "folder/kept": "old kept",
        "other/late": "",
    }


def test_some_of_the_rest_may_be_there_torn_at_sectors(replay: Replay, tmp_path: Path) -> None:
    chance = random.Random(1)
    images = [image(replay, tmp_path / str(number), SomeUnsynced(chance)) for number in range(200)]
    owed = image(replay, tmp_path / "owed", NothingUnsynced())
    names = {name for one in images for name in one}
    assert names > owed.keys()
    assert not any("moved" in one and "moved away" in one for one in images)
    assert all("moved" in one or "moved away" in one for one in images)
    contents = {one["overwritten"] for one in images}
    assert {"old overwritten", "NEW overwritten"} < contents
    torn = [one for one in contents if "x" in one]
    assert len({one.count("x") for one in torn}) > 3
    assert all(one.count("x") % SECTOR == 0 for one in torn)
    assert {one["replaced"] for one in images} == {"old replaced", "new", ""}


def test_a_change_through_a_descriptor_from_nowhere_is_not_passed_over(tmp_path: Path) -> None:
    replay = Replay(tmp_path)
    opened = Call(0, 0, "openat", f'AT_FDCWD</>, "{tmp_path}/a", O_WRONLY|O_CREAT', 3)
    for moment in moments([opened, Call(1, 1, "write", f'4<{tmp_path}/a>, "x", 1', 1)]):
        if moment.call.name == "write" and not moment.begins:
            with pytest.raises(AssertionError, match="from nowhere"):
                replay.feed(moment)
        else:
            replay.feed(moment)


def test_a_change_that_is_not_followed_is_not_passed_over(tmp_path: Path) -> None:
    replay = Replay(tmp_path)
    [_, end] = moments([Call(0, 0, "sync_file_range", f"3<{tmp_path}/a>, 0, 0, 0", 0)])
    with pytest.raises(AssertionError, match="not followed"):
        replay.feed(end)
