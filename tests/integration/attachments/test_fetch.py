"""What a fetch gives, and how it ends when the other side does not do as it should."""

import gzip
import hashlib
import os
import resource
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from everlake import __version__
from everlake.attachments.errors import FetchCode, FetchError, Stopped
from everlake.attachments.guard import Guard
from everlake.attachments.session import Session, Way
from everlake.attachments.url import parse
from everlake.attachments.values import Expected, FetchLimits
from tests.hostile import RAW, Hostile, Request, content
from tests.integration.attachments.home import QUICK, Home, data_of, sha256

DATA = content(1_000)


def failing(home: Home, url: str, **options: object) -> FetchError:
    with pytest.raises(FetchError) as caught:
        home.fetch(url, **options)  # pyright: ignore[reportArgumentType]
    return caught.value


@pytest.mark.parametrize("size", [0, 1, 1_000, 3_000_000])
@pytest.mark.parametrize("behaviour", ["file", "chunked", "talkative", "until-close"])
def test_content_comes_as_it_is(home: Home, server: Hostile, behaviour: str, size: int) -> None:
    fetched = home.fetch(server.url(f"{behaviour}/{size}"))

    assert data_of(fetched) == content(size)
    assert (fetched.size, fetched.sha256) == (size, sha256(content(size)))


def test_a_request_says_no_more_than_it_must(home: Home, server: Hostile) -> None:
    fetched = home.fetch(server.url("echo/a%20b?x=1&y=%C3%BC#part"))

    seen = msgspec.json.decode(data_of(fetched), type=Request)
    assert seen.target == "/echo/a%20b?x=1&y=%C3%BC"
    assert seen.headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": f"everlake/{__version__}",
        "accept": "*/*",
        "accept-encoding": "identity",
    }


def test_a_proxy_of_the_environment_is_not_used(
    home: Home, server: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert home.fetch(server.url("file/10")).size == 10


def test_what_is_stated_is_compared(home: Home, server: Hostile) -> None:
    sha1 = hashlib.sha1(DATA, usedforsecurity=False).hexdigest()
    md5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    stated = Expected(size=1_000, sha1=sha1.upper(), md5=md5)

    assert home.fetch(server.url("file/1000"), stated).size == 1_000


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        (Expected(sha1="0" * 40), FetchCode.SHA1_MISMATCH),
        (Expected(md5="0" * 32), FetchCode.MD5_MISMATCH),
        (Expected(size=999), FetchCode.SIZE_MISMATCH),
        (Expected(size=1_001), FetchCode.SIZE_MISMATCH),
    ],
)
@pytest.mark.parametrize("behaviour", ["file", "chunked"])
def test_a_mismatch_has_its_own_code_and_leaves_nothing(
    home: Home, server: Hostile, behaviour: str, stated: Expected, code: FetchCode
) -> None:
    error = failing(home, server.url(f"{behaviour}/1000"), expected=stated)

    assert (error.code, error.passes) == (code, False)
    assert home.files == []


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        (Expected(sha1="nonsense"), FetchCode.SHA1_MISMATCH),
        (Expected(sha1="g" * 40), FetchCode.SHA1_MISMATCH),
        (Expected(md5="0" * 31), FetchCode.MD5_MISMATCH),
        (Expected(size=FetchLimits().max_bytes + 1), FetchCode.TOO_LARGE),
    ],
)
def test_what_nothing_can_meet_is_not_asked_for(
    home: Home, server: Hostile, stated: Expected, code: FetchCode
) -> None:
    assert failing(home, server.url("file/1000"), expected=stated).code == code
    assert server.connections == 0


@pytest.mark.parametrize(
    "path", ["file/1001", "chunked/1001", "until-close/1001", "coded/gzip/1001", "bomb/50000000"]
)
def test_content_over_the_limit_is_refused(server: Hostile, tmp_path: Path, path: str) -> None:
    home = Home(tmp_path, limits=FetchLimits(max_bytes=1_000))

    assert failing(home, server.url(path)).code == FetchCode.TOO_LARGE
    assert home.files == []


def test_content_of_just_the_limit_is_taken(server: Hostile, tmp_path: Path) -> None:
    home = Home(tmp_path, limits=FetchLimits(max_bytes=1_000))

    assert home.fetch(server.url("coded/gzip/1000")).size == 1_000


@pytest.mark.parametrize(
    "coding", ["gzip", "x-gzip", "deflate", "raw-deflate", "members", "padded", "identity"]
)
def test_codings_nobody_asked_for_are_undone(home: Home, server: Hostile, coding: str) -> None:
    fetched = home.fetch(server.url(f"coded/{coding}/1000"), Expected(size=1_000))

    assert data_of(fetched) == DATA


@pytest.mark.parametrize(
    ("coding", "code"),
    [
        ("cut", FetchCode.CUT_OFF),
        ("empty", FetchCode.CUT_OFF),
        ("damaged", FetchCode.BAD_ANSWER),
        ("none", FetchCode.BAD_ANSWER),
        ("br", FetchCode.BAD_ANSWER),
        ("twice", FetchCode.BAD_ANSWER),
    ],
)
def test_codings_that_cannot_be_undone_are_errors(
    home: Home, server: Hostile, coding: str, code: FetchCode
) -> None:
    assert failing(home, server.url(f"coded/{coding}/1000")).code == code
    assert home.files == []


def test_empty_members_without_end_are_no_work(home: Home, server: Hostile) -> None:
    assert home.fetch(server.url("coded/hollow/100000")).size == 0


def test_waiting_for_a_turn_is_not_counted_against_the_host(
    server: Hostile, tmp_path: Path
) -> None:
    """One at a time, each takes half a second of its own second."""
    limits = FetchLimits(idle_timeout=0.5, total_timeout=1)
    home = Home(tmp_path, limits=limits, connections_per_host=1)

    def fetch(number: int) -> FetchError:
        return failing(home, server.url(f"silent/{number}"), name=f"n{number}")

    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(fetch, range(4)))) == 4
    assert len(server.requests) == 4


def test_an_archive_is_not_unpacked(home: Home, server: Hostile) -> None:
    packed = gzip.compress(DATA)
    server_data = home.spool.receive("x", [packed], Expected(), max_bytes=10_000)

    assert data_of(server_data) == packed


@pytest.mark.parametrize("path", ["short/1000", "cut/900000/500000", "chunked-no-end/1000"])
def test_an_early_end_is_an_error_that_passes(home: Home, server: Hostile, path: str) -> None:
    error = failing(home, server.url(path))

    assert (error.code, error.passes) == (FetchCode.CUT_OFF, True)


def test_what_follows_the_announced_end_is_nobodys(server: Hostile, tmp_path: Path) -> None:
    """Not even where the next request comes before libcurl looks, as it does now and then."""
    for number in range(20):
        home = Home(tmp_path / str(number))

        assert data_of(home.fetch(server.url("long/1000"))) == DATA
        assert data_of(home.fetch(server.url("file/2000"), name="two")) == content(2_000)


def test_of_two_framings_chunks_count_and_the_connection_ends(home: Home, server: Hostile) -> None:
    assert data_of(home.fetch(server.url("both-framings"))) == DATA
    home.fetch(server.url("file/10"), name="two")

    assert server.connections == 2


@pytest.mark.parametrize(
    "lengths", ["10/11", "-1", "%2B5", "1_0", "0x10", "ten", "10%2C11", "1" * 30, "10/ten"]
)
def test_lengths_that_are_none_are_errors(home: Home, server: Hostile, lengths: str) -> None:
    assert failing(home, server.url(f"length/{lengths}")).code == FetchCode.BAD_ANSWER


@pytest.mark.parametrize("lengths", ["1000", "1000/1000", "1000%2C%201000"])
def test_a_length_said_twice_is_a_length(home: Home, server: Hostile, lengths: str) -> None:
    assert home.fetch(server.url(f"length/{lengths}")).size == 1_000


@pytest.mark.parametrize("coding", ["gzip", "gzip,%20chunked", "identity", "chunked,%20chunked"])
def test_transfer_codings_other_than_chunked_are_errors(
    home: Home, server: Hostile, coding: str
) -> None:
    url = server.url(f"headers?Transfer-Encoding={coding}")

    assert failing(home, url).code == FetchCode.BAD_ANSWER


@pytest.mark.parametrize(
    "path",
    ["silent", "silent-body/10", "silent-body/500000", "slow-headers", "hundreds"],
)
def test_silence_and_endless_heads_end_in_time(home: Home, server: Hostile, path: str) -> None:
    error = failing(home, server.url(path))

    assert (error.code, error.passes) == (FetchCode.TIMED_OUT, True)


@pytest.mark.parametrize("path", ["slow", "slow-until-close", "trailers"])
def test_no_drip_goes_on_beyond_the_whole_time(server: Hostile, tmp_path: Path, path: str) -> None:
    home = Home(tmp_path, limits=FetchLimits(idle_timeout=30, total_timeout=0.5))

    assert failing(home, server.url(path)).code == FetchCode.TIMED_OUT


@pytest.mark.parametrize("path", ["silent", "silent-body/10", "slow-headers", "slow", "trailers"])
def test_a_stop_ends_a_fetch_wherever_it_waits(server: Hostile, tmp_path: Path, path: str) -> None:
    home = Home(tmp_path, limits=FetchLimits(idle_timeout=60))
    stop = threading.Event()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(home.fetch, server.url(path), stop=stop)
        while not server.requests:
            time.sleep(0.01)
        stop.set()
        with pytest.raises(Stopped):
            running.result(timeout=30)


@pytest.mark.parametrize("kind", sorted(RAW))
def test_what_is_not_http_ends_in_an_error(home: Home, server: Hostile, kind: str) -> None:
    error = failing(home, server.url(f"raw/{kind}"))

    assert error.code in {FetchCode.BAD_ANSWER, FetchCode.CUT_OFF}
    assert home.files == []


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_statuses_that_pass(home: Home, server: Hostile, status: int) -> None:
    error = failing(home, server.url(f"status/{status}"))

    assert (error.code, error.passes, error.retry_after) == (FetchCode.HTTP_STATUS, True, None)
    assert str(status) in error.message


@pytest.mark.parametrize("status", [201, 202, 204, 206, 400, 401, 403, 404, 410, 416, 451])
def test_statuses_that_do_not_pass(home: Home, server: Hostile, status: int) -> None:
    error = failing(home, server.url(f"status/{status}"))

    assert (error.code, error.passes) == (FetchCode.HTTP_STATUS, False)


@pytest.mark.parametrize(
    ("after", "seconds"), [("7", 7), ("0", 0), ("999999", 3_600), ("soon", None), ("-1", None)]
)
def test_what_a_server_asks_to_wait_is_told(
    home: Home, server: Hostile, after: str, seconds: float | None
) -> None:
    assert failing(home, server.url(f"status/429?after={after}")).retry_after == seconds


def test_a_busy_server_is_fine_the_next_time(home: Home, server: Hostile) -> None:
    url = server.url("busy-once/1000")

    assert failing(home, url).retry_after == 7
    assert home.fetch(url).size == 1_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(home: Home, server: Hostile, status: int) -> None:
    assert home.fetch(server.url(f"redirect/{status}?to=../file/1000")).size == 1_000


def test_five_redirects_are_followed_and_not_six(home: Home, server: Hostile) -> None:
    assert home.fetch(server.url("hops/5")).size == 1_000
    assert failing(home, server.url("hops/6")).code == FetchCode.TOO_MANY_REDIRECTS


def test_a_circle_ends(home: Home, server: Hostile) -> None:
    assert failing(home, server.url("circle")).code == FetchCode.TOO_MANY_REDIRECTS
    assert len(server.requests) == QUICK.redirects + 1


@pytest.mark.parametrize("path", ["redirect", "locations", "status/304", "status/300"])
def test_redirects_that_lead_nowhere_are_errors(home: Home, server: Hostile, path: str) -> None:
    assert failing(home, server.url(path)).code == FetchCode.BAD_ANSWER


def test_connections_are_kept_for_the_next_fetch(home: Home, server: Hostile) -> None:
    for number in range(5):
        home.fetch(server.url(f"file/{number}"), name=f"n{number}")

    assert server.connections == 1


def test_a_kept_connection_that_was_closed_is_replaced_silently(
    home: Home, server: Hostile
) -> None:
    for number in range(3):
        home.fetch(server.url(f"closes-later/{number}"), name=f"n{number}")

    assert server.connections == 3
    assert len(server.requests) == 5


def test_a_new_connection_that_ends_silently_is_not_asked_again(
    home: Home, server: Hostile
) -> None:
    assert failing(home, server.url("raw/nothing")).passes
    assert len(server.requests) == 1


def test_a_kept_connection_to_a_server_that_is_gone_is_no_connection(
    home: Home, server: Hostile
) -> None:
    home.fetch(server.url("file/1"), name="before")
    server.close()

    error = failing(home, server.url("file/1"))

    assert (error.code, error.passes) == (FetchCode.CONNECTION_FAILED, True)


def test_no_more_is_read_than_is_kept(server: Hostile) -> None:
    session = Session(Way(connect_timeout=2))
    session.begin(parse(server.url("file/5000000")), "127.0.0.1", [])
    pieces: list[bytes] = []
    while session.code is None:
        session.step(0.1)
        time.sleep(0.001)  # in which more comes than is taken
        pieces.append(session.take())
    while piece := session.take():
        pieces.append(piece)
    session.close()

    assert b"".join(pieces) == content(5_000_000)
    assert max(map(len, pieces)) <= 256 * 1024


def test_no_number_of_open_files_is_too_large(home: Home, server: Hostile) -> None:
    """select(2) knows no file beyond the 1,024th."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4_096)), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1_100)]
    try:
        assert data_of(home.fetch(server.url("file/300000"))) == content(300_000)
    finally:
        for handle in held:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_children_get_no_connection(home: Home, server: Hostile) -> None:
    before = set(_inheritable())

    home.fetch(server.url("file/1"))

    assert set(_inheritable()) == before


def _inheritable() -> Iterator[int]:
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if os.get_inheritable(int(entry.name)):
                yield int(entry.name)


def test_no_connection_is_an_error_that_passes(home: Home, server: Hostile) -> None:
    server.close()

    error = failing(home, server.url("file/1"))

    assert (error.code, error.passes) == (FetchCode.CONNECTION_FAILED, True)


def test_many_threads_fetch_at_once_over_four_connections(home: Home, server: Hostile) -> None:
    def fetch(number: int) -> str:
        return home.fetch(server.url(f"file/{number * 1_000}"), name=f"n{number}").sha256

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(fetch, range(100)))

    assert found == [sha256(content(number * 1_000)) for number in range(100)]
    assert server.connections <= 4


def test_progress_is_told(home: Home, server: Hostile) -> None:
    told: list[int] = []

    home.fetch(server.url("file/3000000"), report=told.append)

    assert told == sorted(told)
    assert told[-1] == 3_000_000


def test_errors_tell_nothing_of_the_inside(server: Hostile, tmp_path: Path) -> None:
    def resolver(*_arguments: object, **_options: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", ("10.11.12.13", server.port))]

    home = Home(tmp_path, guard=Guard(resolver=resolver))
    error = failing(home, server.url("file/1", host="files.example"))

    assert error.code == FetchCode.ADDRESS_NOT_ALLOWED
    assert "10.11" not in str(error)
    assert str(tmp_path) not in str(error)
