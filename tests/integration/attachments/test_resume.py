"""Going on with a download that was cut off, and beginning anew where that could go wrong."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from everlake.attachments import sidecar
from everlake.attachments.errors import FetchCode, FetchError, SpoolFull, Stopped
from everlake.attachments.spool import translated
from everlake.attachments.values import Expected
from tests.hostile import Hostile, content, hostile
from tests.integration.attachments.home import Home, data_of

SIZE, AT = 900_000, 600_000
WHOLE = content(SIZE)


def cut(home: Home, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        home.fetch(url)
    return caught.value


def ranges(server: Hostile) -> list[int | None]:
    return [request.begins for request in server.requests]


@pytest.mark.parametrize("behaviour", ["cut", "cut-dated"])
def test_only_what_is_missing_is_asked_for(home: Home, server: Hostile, behaviour: str) -> None:
    url = server.url(f"{behaviour}/{SIZE}/{AT}")

    assert cut(home, url).code == FetchCode.CUT_OFF
    fetched = home.fetch(url, Expected(size=SIZE))

    assert data_of(fetched) == WHOLE
    assert ranges(server) == [None, AT]


def test_the_hash_of_a_resumed_file_is_that_of_all_of_it(home: Home, server: Hostile) -> None:
    url = server.url(f"cut/{SIZE}/{AT}")
    cut(home, url)
    resumed = home.fetch(url)
    whole = home.fetch(server.url(f"file/{SIZE}"), name="other")

    assert resumed.sha256 == whole.sha256


@pytest.mark.parametrize("behaviour", ["cut-weak", "cut-fresh", "cut-unmarked"])
def test_without_a_strong_validator_it_begins_anew(
    home: Home, server: Hostile, behaviour: str
) -> None:
    url = server.url(f"{behaviour}/{SIZE}/{AT}")

    cut(home, url)
    assert home.files == []
    assert data_of(home.fetch(url)) == WHOLE
    assert ranges(server) == [None, None]


@pytest.mark.parametrize(
    ("behaviour", "whole"),
    [
        ("cut-changes", content(SIZE, 1)),
        ("cut-ignores", WHOLE),
    ],
)
def test_content_that_was_changed_comes_in_one_answer(
    home: Home, server: Hostile, behaviour: str, whole: bytes
) -> None:
    url = server.url(f"{behaviour}/{SIZE}/{AT}")
    cut(home, url)

    assert data_of(home.fetch(url)) == whole
    assert ranges(server) == [None, AT]


@pytest.mark.parametrize(
    "behaviour",
    [
        "cut-wrong-start",
        "cut-wrong-total",
        "cut-total-hidden",
        "cut-small-part",
        "cut-no-range",
        "cut-nonsense-range",
        "cut-other-tag",
        "cut-no-tag",
        "cut-gzip-range",
        "cut-wrong-416",
        "cut-silent-416",
    ],
)
def test_a_part_that_does_not_fit_is_not_taken(home: Home, server: Hostile, behaviour: str) -> None:
    url = server.url(f"{behaviour}/{SIZE}/{AT}")
    cut(home, url)

    assert data_of(home.fetch(url)) == WHOLE
    assert ranges(server) == [None, AT, None]


def test_a_file_that_grew_is_fetched_anew(home: Home, server: Hostile) -> None:
    url = server.url(f"cut-grows/{SIZE}/{AT}")
    cut(home, url)

    assert data_of(home.fetch(url)) == content(SIZE + 1_000)
    assert ranges(server) == [None, AT, None]


def test_nothing_missing_is_known_by_a_416(home: Home, server: Hostile) -> None:
    url = server.url(f"chunked-no-end/{SIZE}")
    cut(home, url)

    assert data_of(home.fetch(url)) == WHOLE
    assert ranges(server) == [None, SIZE]


def test_every_part_counts(home: Home, server: Hostile) -> None:
    """Cut off in each attempt, a download still moves forward."""
    url = server.url(f"cut-by-parts/{SIZE}/300000")
    for _ in range(2):
        cut(home, url)

    assert data_of(home.fetch(url)) == WHOLE
    assert ranges(server) == [None, 300_000, 600_000]


def test_a_busy_server_does_not_cost_what_there_is(home: Home, server: Hostile) -> None:
    url = server.url(f"cut-busy/{SIZE}/{AT}")
    cut(home, url)
    assert cut(home, url).code == FetchCode.HTTP_STATUS

    assert data_of(home.fetch(url)) == WHOLE
    assert ranges(server) == [None, AT, AT]


def test_what_is_gone_for_good_is_not_kept(home: Home, server: Hostile) -> None:
    url = server.url(f"cut-gone/{SIZE}/{AT}")
    cut(home, url)

    assert not cut(home, url).passes
    assert home.files == []


def test_another_url_begins_anew(home: Home, server: Hostile) -> None:
    cut(home, server.url(f"cut/{SIZE}/{AT}"))

    assert data_of(home.fetch(server.url(f"file/{SIZE}"))) == WHOLE
    assert ranges(server) == [None, None]


def test_another_run_of_the_machine_begins_anew(
    home: Home, server: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url(f"cut/{SIZE}/{AT}")
    cut(home, url)
    monkeypatch.setattr(sidecar, "boot_id", lambda: "after the power cut")

    assert data_of(home.fetch(url)) == WHOLE
    assert ranges(server) == [None, None]


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b"\xff", b'{"url":1}'])
def test_a_note_that_cannot_be_read_begins_anew(home: Home, server: Hostile, note: bytes) -> None:
    url = server.url(f"cut/{SIZE}/{AT}")
    cut(home, url)
    (home.directory / "one.resume").write_bytes(note)

    assert data_of(home.fetch(url)) == WHOLE
    assert ranges(server) == [None, None]


def test_more_than_there_should_be_begins_anew(home: Home, server: Hostile) -> None:
    url = server.url(f"cut/{SIZE}/{AT}")
    cut(home, url)
    with (home.directory / "one").open("ab") as file:
        file.write(bytes(SIZE))

    assert data_of(home.fetch(url)) == WHOLE


def test_what_was_damaged_meanwhile_is_a_mismatch_and_then_anew(
    home: Home, server: Hostile
) -> None:
    url = server.url(f"cut/{SIZE}/{AT}")
    cut(home, url)
    with (home.directory / "one").open("r+b") as file:
        file.write(bytes(1_000))
    stated = Expected(md5="d41d8cd98f00b204e9800998ecf8427e")

    with pytest.raises(FetchError) as caught:
        home.fetch(url, stated)
    assert caught.value.code == FetchCode.MD5_MISMATCH
    assert home.files == []


def test_a_stopped_fetch_keeps_what_there_is(home: Home, server: Hostile) -> None:
    url, stop = server.url(f"silent-body/{AT}"), threading.Event()

    def told(size: int) -> None:
        if size:
            stop.set()

    with pytest.raises(Stopped):
        home.fetch(url, stop=stop, report=told)
    fetched = home.fetch(url)

    assert data_of(fetched) == content(1_000_000)
    assert (ranges(server)[1] or 0) > 0


FETCH = """
import sys, threading
from pathlib import Path
from everlake.attachments.errors import *
from everlake.attachments.fetch import *
from everlake.attachments.guard import *
from everlake.attachments.spool import *
from everlake.attachments.url import *
from everlake.attachments.values import *
spool = Spool(Path(sys.argv[1]))
fetcher = Fetcher(spool, Guard(["127.0.0.1"]), FetchLimits())
fetcher.fetch("one", sys.argv[2], Expected(), stop=threading.Event())
"""


def until(reached: Callable[[], bool]) -> None:
    while not reached():
        time.sleep(0.01)


def started(home: Home, url: str) -> subprocess.Popen[bytes]:
    """A process that fetches, once it has spooled something."""
    process = subprocess.Popen([sys.executable, "-c", FETCH, home.directory, url])
    spooled = home.directory / "one"
    until(lambda: spooled.exists() and spooled.stat().st_size >= AT)
    return process


def test_another_process_goes_on_after_a_kill(home: Home, server: Hostile) -> None:
    url = server.url(f"silent-body/{AT}")
    process = started(home, url)
    process.send_signal(signal.SIGKILL)
    process.wait()

    fetched = home.fetch(url)

    assert data_of(fetched) == content(1_000_000)
    assert ranges(server) == [None, AT]


def test_of_two_processes_one_takes_a_file_of_its_own(home: Home, server: Hostile) -> None:
    """As when a worker stood still and another took its lease over."""
    url = server.url(f"silent-body/{AT}")
    process = started(home, url)
    process.send_signal(signal.SIGSTOP)
    try:
        fetched = home.fetch(url)

        assert data_of(fetched) == content(1_000_000)
        assert fetched.content != home.directory / "one"
        assert ranges(server) == [None, None]
        assert home.spool.sweep(0) == 0
        assert (home.directory / "one").stat().st_size == AT
        home.spool.drop("one")
        assert home.files == ["one", "one.resume"]
    finally:
        process.kill()
        process.wait()


def test_finished_content_stays_its_holders_until_it_is_dropped(
    home: Home, server: Hostile
) -> None:
    first = home.fetch(server.url(f"file/{SIZE}"))
    other = Home(home.directory)
    second = other.fetch(server.url("file/300000"))
    assert isinstance(second.content, Path)
    other.spool.drop("one")

    assert data_of(first) == WHOLE
    assert not second.content.exists()
    home.spool.drop("one")
    assert home.files == []


@pytest.fixture
def small_disk(tmp_path: Path) -> object:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", disk],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"mounting needs rights that this user lacks: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_is_no_fault_of_the_attachment(small_disk: Path, server: Hostile) -> None:
    home = Home(small_disk)

    with pytest.raises(SpoolFull):
        home.fetch(server.url("file/5000000"))
    assert home.files == []
    assert home.fetch(server.url("file/500000")).size == 500_000


def test_a_disk_that_fails_is_no_fault_of_the_attachment() -> None:
    with pytest.raises(OSError, match="the spool's disk failed"), translated():
        os.open("/nowhere/at/all", os.O_RDONLY)


def test_a_server_that_dies_and_comes_back_elsewhere_is_another_url(home: Home) -> None:
    with hostile() as first:
        cut(home, first.url(f"cut/{SIZE}/{AT}"))
    with hostile() as second:
        assert data_of(home.fetch(second.url(f"file/{SIZE}"))) == WHOLE
        assert ranges(second) == [None]
