"""Resuming of partial downloads, and starting over where resuming is not safe."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from everlake.attachments.errors import FetchCode, FetchError, FetchStopped, SpoolFull
from everlake.attachments.spooling import resume_state
from everlake.attachments.spooling.files import translate_disk_errors
from everlake.attachments.types import ExpectedContent
from tests.support.fetcher_fixture import FetcherFixture, content_bytes
from tests.support.hostile_behaviours import HostileServer, content, hostile_server
from tests.support.processes import wait_until

SIZE, AT = 900_000, 600_000
DATA = content(SIZE)


def fetch_cut_off(home: FetcherFixture, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        home.fetch(url)
    return caught.value


def requested_offsets(server: HostileServer) -> list[int | None]:
    return [request.range_start for request in server.requests]


@pytest.mark.parametrize("behaviour", ["cut", "cut-dated"])
def test_only_the_missing_rest_is_requested(
    home: FetcherFixture, server: HostileServer, behaviour: str
) -> None:
    url = server.url(f"{behaviour}/{SIZE}/{AT}")

    assert fetch_cut_off(home, url).code == FetchCode.CUT_OFF
    fetched = home.fetch(url, ExpectedContent(size=SIZE))

    assert content_bytes(fetched) == DATA
    assert requested_offsets(server) == [None, AT]


def test_the_hash_of_resumed_content_covers_all_of_it(
    home: FetcherFixture, server: HostileServer
) -> None:
    url = server.url(f"cut/{SIZE}/{AT}")
    fetch_cut_off(home, url)
    resumed = home.fetch(url)
    whole = home.fetch(server.url(f"file/{SIZE}"), name="other")

    assert resumed.sha256 == whole.sha256


@pytest.mark.parametrize("behaviour", ["cut-weak", "cut-fresh", "cut-unmarked"])
def test_without_a_strong_validator_the_download_starts_over(
    home: FetcherFixture, server: HostileServer, behaviour: str
) -> None:
    url = server.url(f"{behaviour}/{SIZE}/{AT}")

    fetch_cut_off(home, url)
    assert home.files == []
    assert content_bytes(home.fetch(url)) == DATA
    assert requested_offsets(server) == [None, None]


@pytest.mark.parametrize(
    ("behaviour", "whole"),
    [
        ("cut-changes", content(SIZE, 1)),
        ("cut-ignores", DATA),
    ],
)
def test_changed_content_arrives_in_the_response_to_the_range_request(
    home: FetcherFixture, server: HostileServer, behaviour: str, whole: bytes
) -> None:
    url = server.url(f"{behaviour}/{SIZE}/{AT}")
    fetch_cut_off(home, url)

    assert content_bytes(home.fetch(url)) == whole
    assert requested_offsets(server) == [None, AT]


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
def test_a_range_that_does_not_fit_is_discarded(
    home: FetcherFixture, server: HostileServer, behaviour: str
) -> None:
    url = server.url(f"{behaviour}/{SIZE}/{AT}")
    fetch_cut_off(home, url)

    assert content_bytes(home.fetch(url)) == DATA
    assert requested_offsets(server) == [None, AT, None]


def test_content_that_grew_is_downloaded_from_the_start(
    home: FetcherFixture, server: HostileServer
) -> None:
    url = server.url(f"cut-grows/{SIZE}/{AT}")
    fetch_cut_off(home, url)

    assert content_bytes(home.fetch(url)) == content(SIZE + 1_000)
    assert requested_offsets(server) == [None, AT, None]


def test_a_416_shows_that_nothing_is_missing(home: FetcherFixture, server: HostileServer) -> None:
    url = server.url(f"chunked-no-end/{SIZE}")
    fetch_cut_off(home, url)

    assert content_bytes(home.fetch(url)) == DATA
    assert requested_offsets(server) == [None, SIZE]


def test_every_attempt_adds_content(home: FetcherFixture, server: HostileServer) -> None:
    """A download that is cut off in each attempt still progresses."""
    url = server.url(f"cut-by-parts/{SIZE}/300000")
    for _ in range(2):
        fetch_cut_off(home, url)

    assert content_bytes(home.fetch(url)) == DATA
    assert requested_offsets(server) == [None, 300_000, 600_000]


def test_a_busy_server_does_not_discard_partial_content(
    home: FetcherFixture, server: HostileServer
) -> None:
    url = server.url(f"cut-busy/{SIZE}/{AT}")
    fetch_cut_off(home, url)
    assert fetch_cut_off(home, url).code == FetchCode.HTTP_STATUS

    assert content_bytes(home.fetch(url)) == DATA
    assert requested_offsets(server) == [None, AT, AT]


def test_a_permanent_error_discards_partial_content(
    home: FetcherFixture, server: HostileServer
) -> None:
    url = server.url(f"cut-gone/{SIZE}/{AT}")
    fetch_cut_off(home, url)

    assert not fetch_cut_off(home, url).retryable
    assert home.files == []


def test_another_url_starts_over(home: FetcherFixture, server: HostileServer) -> None:
    fetch_cut_off(home, server.url(f"cut/{SIZE}/{AT}"))

    assert content_bytes(home.fetch(server.url(f"file/{SIZE}"))) == DATA
    assert requested_offsets(server) == [None, None]


def test_a_reboot_starts_over(
    home: FetcherFixture, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url(f"cut/{SIZE}/{AT}")
    fetch_cut_off(home, url)
    monkeypatch.setattr(resume_state, "boot_id", lambda: "after the power cut")

    assert content_bytes(home.fetch(url)) == DATA
    assert requested_offsets(server) == [None, None]


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b"\xff", b'{"url":1}'])
def test_an_invalid_resume_state_starts_over(
    home: FetcherFixture, server: HostileServer, note: bytes
) -> None:
    url = server.url(f"cut/{SIZE}/{AT}")
    fetch_cut_off(home, url)
    (home.directory / "one.resume").write_bytes(note)

    assert content_bytes(home.fetch(url)) == DATA
    assert requested_offsets(server) == [None, None]


def test_partial_content_that_is_too_long_starts_over(
    home: FetcherFixture, server: HostileServer
) -> None:
    url = server.url(f"cut/{SIZE}/{AT}")
    fetch_cut_off(home, url)
    with (home.directory / "one").open("ab") as file:
        file.write(bytes(SIZE))

    assert content_bytes(home.fetch(url)) == DATA


def test_damaged_partial_content_is_a_mismatch_and_is_discarded(
    home: FetcherFixture, server: HostileServer
) -> None:
    url = server.url(f"cut/{SIZE}/{AT}")
    fetch_cut_off(home, url)
    with (home.directory / "one").open("r+b") as file:
        file.write(bytes(1_000))
    stated = ExpectedContent(md5="d41d8cd98f00b204e9800998ecf8427e")

    with pytest.raises(FetchError) as caught:
        home.fetch(url, stated)
    assert caught.value.code == FetchCode.MD5_MISMATCH
    assert home.files == []


def test_a_cancelled_fetch_keeps_partial_content(
    home: FetcherFixture, server: HostileServer
) -> None:
    url, stop = server.url(f"silent-body/{AT}"), threading.Event()

    def told(size: int) -> None:
        if size:
            stop.set()

    with pytest.raises(FetchStopped):
        home.fetch(url, stop=stop, on_progress=told)
    fetched = home.fetch(url)

    assert content_bytes(fetched) == content(1_000_000)
    assert (requested_offsets(server)[1] or 0) > 0


FETCH_SCRIPT = """
import sys, threading
from pathlib import Path
from everlake.attachments.fetching.service import Fetcher
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from everlake.attachments.fetching.types import FetchLimits
from everlake.attachments.spooling.spool import Spool
from everlake.attachments.types import ExpectedContent
limits = FetchLimits(
    max_bytes=10**9, connect_timeout=10, idle_timeout=30, total_timeout=3_600, max_redirects=5
)
guard = SsrfGuard(["127.0.0.1"])
fetcher = Fetcher(Spool(Path(sys.argv[1])), guard, limits, connections_per_host=4)
fetcher.fetch("one", sys.argv[2], ExpectedContent(), stop=threading.Event())
"""


def start_fetch_process(home: FetcherFixture, url: str) -> subprocess.Popen[bytes]:
    """Start a process that fetches, and return when it has spooled some content."""
    process = subprocess.Popen([sys.executable, "-c", FETCH_SCRIPT, home.directory, url])
    spooled = home.directory / "one"
    wait_until(lambda: spooled.exists() and spooled.stat().st_size >= AT, "some is spooled")
    return process


def test_another_process_resumes_after_a_kill(home: FetcherFixture, server: HostileServer) -> None:
    url = server.url(f"silent-body/{AT}")
    process = start_fetch_process(home, url)
    process.send_signal(signal.SIGKILL)
    process.wait()

    fetched = home.fetch(url)

    assert content_bytes(fetched) == content(1_000_000)
    assert requested_offsets(server) == [None, AT]


def test_the_second_of_two_processes_uses_a_file_of_its_own(
    home: FetcherFixture, server: HostileServer
) -> None:
    """As when a worker was suspended and another one took over its lease."""
    url = server.url(f"silent-body/{AT}")
    process = start_fetch_process(home, url)
    process.send_signal(signal.SIGSTOP)
    try:
        fetched = home.fetch(url)

        assert content_bytes(fetched) == content(1_000_000)
        assert fetched.content != home.directory / "one"
        assert requested_offsets(server) == [None, None]
        assert home.spool.remove_stale(0) == 0
        assert (home.directory / "one").stat().st_size == AT
        home.spool.drop("one")
        assert home.files == ["one", "one.resume"]
    finally:
        process.kill()
        process.wait()


def test_finished_content_is_kept_until_its_holder_drops_it(
    home: FetcherFixture, server: HostileServer
) -> None:
    first = home.fetch(server.url(f"file/{SIZE}"))
    other = FetcherFixture(home.directory)
    second = other.fetch(server.url("file/300000"))
    assert isinstance(second.content, Path)
    other.spool.drop("one")

    assert content_bytes(first) == DATA
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


def test_a_full_disk_is_a_spool_error(small_disk: Path, server: HostileServer) -> None:
    home = FetcherFixture(small_disk)

    with pytest.raises(SpoolFull):
        home.fetch(server.url("file/5000000"))
    assert home.files == []
    assert home.fetch(server.url("file/500000")).size == 500_000


def test_a_failing_disk_is_a_spool_error() -> None:
    with pytest.raises(OSError, match="the spool's disk failed"), translate_disk_errors():
        os.open("/nowhere/at/all", os.O_RDONLY)


def test_the_same_server_at_another_port_is_another_url(home: FetcherFixture) -> None:
    with hostile_server() as first:
        fetch_cut_off(home, first.url(f"cut/{SIZE}/{AT}"))
    with hostile_server() as second:
        assert content_bytes(home.fetch(second.url(f"file/{SIZE}"))) == DATA
        assert requested_offsets(second) == [None]
