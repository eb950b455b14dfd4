"""What the kernel saw of files taken into a store: no name without all of its bytes.

Files of this disk, files of another, and bytes in memory. What is taken in is recorded and
replayed. At every moment images are made of what the disk may
then hold, in which an object is whole or not there; in the end, of all that it owes.
"""

import random
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.faults.chaos_settings import SEED
from tests.faults.disk import (
    NamesUnsynced,
    NothingUnsynced,
    SomeUnsynced,
    SurvivalPolicy,
    write_image,
)
from tests.faults.replay import CALLS, Moment, Replay, is_sync, moments
from tests.faults.strace import Tracer, read_calls, skip_where_not_allowed, strace_output

FILES = 12
_PUT = """
import sys
from pathlib import Path
from everlake.storage.local import LocalStore

data, other = Path(sys.argv[1]), Path(sys.argv[2])
(data / "scratch").mkdir()
files = []
for number in range(int(sys.argv[3])):
    content = bytes([number]) * (1_000 + number)
    if number % 3:
        file = (other if number % 3 == 1 else data / "scratch") / str(number)
        file.write_bytes(content)
        content = file
    files.append((f"objects/{number % 2}/{number}", content))
LocalStore(data).put_files(files)
"""

OBJECTS = {
    f"objects/{number % 2}/{number}": bytes([number]) * (1_000 + number) for number in range(FILES)
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    return made


@pytest.fixture
def taken(data: Path, tmp_path: Path) -> list[Moment]:
    """All that was done to the disk; a third of the files come from another one, if there is."""
    other = Path(tempfile.mkdtemp(prefix="everlake-", dir="/dev/shm"))
    output = tmp_path / "trace"
    command = (sys.executable, "-c", _PUT, str(data), str(other), str(FILES))
    try:
        with Tracer(CALLS, 1 << 20).running(*command, output=output) as process:
            process.wait(60)
    finally:
        shutil.rmtree(other)
    skip_where_not_allowed(output)
    assert process.returncode == 0, strace_output(output).read_text()
    return moments(call for call in read_calls(output) if str(data) in call.arguments)


def held(replay: Replay, target: Path, left: SurvivalPolicy) -> dict[str, bytes]:
    """The objects that are on the disk after the power was cut."""
    write_image(replay.root, target, left)
    found = {
        path.relative_to(target).as_posix(): path.read_bytes()
        for path in (target / "objects").rglob("*")
        if path.is_file() and path.suffix != ".partial"
    }
    shutil.rmtree(target)
    return found


def torn(taken: list[Moment], data: Path, image: Path, without: str | None = None) -> list[str]:
    """Objects that some cut of the power would leave with other bytes than theirs."""
    chance = random.Random(SEED)
    replay, bad = Replay(data), list[str]()
    for moment in taken:
        if without is not None and is_sync(moment, without):
            continue
        replay.feed(moment)
        if not moment.begins:
            for left in (NamesUnsynced(), SomeUnsynced(chance)):
                found = held(replay, image, left)
                bad += [path for path, content in found.items() if content != OBJECTS[path]]
    return bad


def owed(taken: list[Moment], data: Path, image: Path, without: str | None = None) -> set[str]:
    """The objects that are surely there after the call has returned."""
    replay = Replay(data)
    for moment in taken:
        if without is None or not is_sync(moment, without):
            replay.feed(moment)
    return set(held(replay, image, NothingUnsynced()))


def test_no_cut_of_the_power_leaves_an_object_torn(
    taken: list[Moment], data: Path, tmp_path: Path
) -> None:
    assert torn(taken, data, tmp_path / "image") == []


def test_all_that_was_taken_in_is_on_the_disk(
    taken: list[Moment], data: Path, tmp_path: Path
) -> None:
    assert owed(taken, data, tmp_path / "image") == OBJECTS.keys()


@pytest.mark.parametrize("pattern", [r"/scratch/\d+>", r"\.partial>"])
def test_bytes_that_were_not_synced_first_are_missed(
    taken: list[Moment], data: Path, tmp_path: Path, pattern: str
) -> None:
    if not any(is_sync(moment, pattern) for moment in taken):
        pytest.skip("there is no other disk here")

    assert torn(taken, data, tmp_path / "image", pattern) != []


@pytest.mark.parametrize("pattern", [r"/objects/1>", r"/objects>"])
def test_a_folder_that_was_not_synced_is_missed(
    taken: list[Moment], data: Path, tmp_path: Path, pattern: str
) -> None:
    assert owed(taken, data, tmp_path / "image", pattern) != OBJECTS.keys()
