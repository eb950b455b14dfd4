"""Spooling without a network: memory, files, locks and cleaning."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.attachments.errors import FetchCode, FetchError, SpoolError
from everlake.attachments.spooling.entry import MAX_IN_MEMORY_BYTES
from everlake.attachments.spooling.spool import Spool
from everlake.attachments.types import ExpectedContent
from tests.support.fetcher_fixture import content_bytes, sha256
from tests.support.hostile_behaviours import content

DATA = content(700_000)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "made" / "on" / "the" / "way")


def pieces(size: int = 100_000) -> Iterator[bytes]:
    return (DATA[start : start + size] for start in range(0, len(DATA), size))


def files(spool: Spool, tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.rglob("*") if path.is_file())


def test_content_is_received(spool: Spool) -> None:
    told: list[int] = []
    fetched = spool.receive(
        "one", pieces(), ExpectedContent(size=len(DATA)), max_bytes=10**6, on_progress=told.append
    )

    assert content_bytes(fetched) == DATA
    assert (fetched.size, fetched.sha256) == (len(DATA), sha256(DATA))
    assert told[-1] == len(DATA)


def test_content_over_the_limit_is_refused_immediately(spool: Spool, tmp_path: Path) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(1_000)

    with pytest.raises(FetchError) as caught:
        spool.receive("one", endless(), ExpectedContent(), max_bytes=2_500)

    assert (caught.value.code, taken) == (FetchCode.TOO_LARGE, 3)
    assert files(spool, tmp_path) == []


def test_an_error_of_the_source_is_raised_and_nothing_is_kept(spool: Spool, tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield b"some"
        raise RuntimeError("the source is gone")

    with pytest.raises(RuntimeError, match="the source is gone"):
        spool.receive("one", failing(), ExpectedContent(), max_bytes=10**6)
    assert files(spool, tmp_path) == []


def test_a_mismatch_leaves_no_file(spool: Spool, tmp_path: Path) -> None:
    with pytest.raises(FetchError) as caught:
        spool.receive("one", pieces(), ExpectedContent(sha1="0" * 40), max_bytes=10**6)

    assert caught.value.code == FetchCode.SHA1_MISMATCH
    assert files(spool, tmp_path) == []


def test_a_name_can_be_used_again(spool: Spool) -> None:
    spool.receive_file("one", [b"long content"], 12)
    spool.drop("one")

    assert spool.receive("one", [b"short"], ExpectedContent(), max_bytes=100).content == b"short"


@pytest.mark.parametrize("name", ["", "..", "a/b", "a.b", "/etc", "a\n", "x" * 129, "\u00fc"])
def test_invalid_names_are_refused(spool: Spool, name: str) -> None:
    with pytest.raises(ValueError, match="not a valid spool name"):
        spool.receive(name, [], ExpectedContent(), max_bytes=1)


def test_a_symbolic_link_is_not_followed(spool: Spool, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "made" / "on" / "the" / "way" / "one").symlink_to(victim)

    with pytest.raises(SpoolError):
        spool.receive_file("one", [b"x"], 1)
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("again", [False, True], ids=["dropped", "dropped and made again"])
def test_a_file_deleted_between_open_and_lock_is_opened_again(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    directory = spool.receive_file("one", [b"x"], 1).parent
    spool.drop("one")
    real, dropped = fcntl.flock, False

    def flock(handle: int, operation: int) -> None:
        nonlocal dropped
        if not dropped:
            dropped = True
            (directory / "one").unlink()
            if again:
                (directory / "one").touch()
        real(handle, operation)

    monkeypatch.setattr(fcntl, "flock", flock)

    assert spool.receive_file("one", [b"kept"], 4).read_bytes() == b"kept"


def test_a_closed_spool_holds_no_locks(spool: Spool, tmp_path: Path) -> None:
    path = spool.receive_file("one", [b"x"], 1)
    spool.close()

    assert files(spool, tmp_path) == ["one"]
    assert Spool(path.parent).remove_stale(-1) == 1


def test_dropping_an_unknown_name_does_nothing(spool: Spool) -> None:
    spool.drop("one")


def test_old_files_are_removed_unless_locked(spool: Spool, tmp_path: Path) -> None:
    held = spool.receive_file("held", [b"x"], 1)
    directory = held.parent
    for name in ("old", "old.resume", "young", "young.resume", "lone.resume", "one.0a1b"):
        (directory / name).write_bytes(b"x")
    for path in directory.iterdir():
        if "young" not in path.name:
            os.utime(path, (0, 0))

    assert spool.remove_stale(3_600) == 3
    assert files(spool, tmp_path) == ["held", "young", "young.resume"]


def test_small_content_never_touches_the_disk(spool: Spool, tmp_path: Path) -> None:
    fetched = spool.receive(
        "one", pieces(MAX_IN_MEMORY_BYTES // 4), ExpectedContent(), max_bytes=10**6
    )
    small = spool.receive("two", [DATA[:MAX_IN_MEMORY_BYTES]], ExpectedContent(), max_bytes=10**6)

    assert isinstance(fetched.content, Path)
    assert small.content == DATA[:MAX_IN_MEMORY_BYTES]
    assert files(spool, tmp_path) == ["one"]


def test_content_that_grows_moves_to_a_file(spool: Spool, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def watched() -> Iterator[bytes]:
        for piece in pieces(MAX_IN_MEMORY_BYTES // 2):
            yield piece
            seen.append(files(spool, tmp_path))

    fetched = spool.receive("one", watched(), ExpectedContent(), max_bytes=10**6)

    assert seen[:3] == [[], [], ["one"]]
    assert content_bytes(fetched) == DATA


def test_small_content_uses_a_file_when_the_memory_budget_is_spent(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", memory_bytes=MAX_IN_MEMORY_BYTES + 100)
    spool.receive("one", [b"x" * 50], ExpectedContent(), max_bytes=10**6)
    second = spool.receive("two", [b"y" * 60], ExpectedContent(), max_bytes=10**6)
    third = spool.receive("three", [b"z"], ExpectedContent(), max_bytes=10**6)

    # Of each, as much is set aside as it may come to, until it is known.
    assert isinstance(third.content, Path)
    assert second.content == b"y" * 60
    spool.drop("one")
    assert spool.receive("four", [b"w"], ExpectedContent(), max_bytes=10).content == b"w"


def test_memory_is_released_after_any_outcome(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", memory_bytes=MAX_IN_MEMORY_BYTES)

    def failing() -> Iterator[bytes]:
        yield b"some"
        raise RuntimeError("the source is gone")

    for number in range(3):
        with pytest.raises(RuntimeError):
            spool.receive(f"failing-{number}", failing(), ExpectedContent(), max_bytes=10**6)
        with pytest.raises(FetchError):
            spool.receive(f"other-{number}", [b"x"], ExpectedContent(md5="0" * 32), max_bytes=10**6)
        spool.receive(f"grows-{number}", pieces(), ExpectedContent(), max_bytes=10**6)
        small = spool.receive(f"small-{number}", [b"x"], ExpectedContent(), max_bytes=10**6)
        assert small.content == b"x"
        spool.drop(f"small-{number}")
