"""Fetching of content, and its errors when the server misbehaves."""

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
from everlake.attachments.errors import FetchCode, FetchError, FetchStopped
from everlake.attachments.fetching.curl_session import CurlSession
from everlake.attachments.fetching.ssrf_guard import SsrfGuard
from everlake.attachments.fetching.types import ConnectionOptions
from everlake.attachments.fetching.url import parse
from everlake.attachments.types import ExpectedContent
from tests.support.fetcher_fixture import SHORT_LIMITS, FetcherFixture, content_bytes, sha256
from tests.support.hostile_behaviours import RAW, HostileServer, ReceivedRequest, content

DATA = content(1_000)


def fetch_error(home: FetcherFixture, url: str, **options: object) -> FetchError:
    with pytest.raises(FetchError) as caught:
        home.fetch(url, **options)  # pyright: ignore[reportArgumentType]
    return caught.value


@pytest.mark.parametrize("size", [0, 1, 1_000, 3_000_000])
@pytest.mark.parametrize("behaviour", ["file", "chunked", "talkative", "until-close"])
def test_content_is_fetched_unchanged(
    home: FetcherFixture, server: HostileServer, behaviour: str, size: int
) -> None:
    fetched = home.fetch(server.url(f"{behaviour}/{size}"))

    assert content_bytes(fetched) == content(size)
    assert (fetched.size, fetched.sha256) == (size, sha256(content(size)))


def test_a_request_has_the_necessary_headers_only(
    home: FetcherFixture, server: HostileServer
) -> None:
    fetched = home.fetch(server.url("echo/a%20b?x=1&y=%C3%BC#part"))

    seen = msgspec.json.decode(content_bytes(fetched), type=ReceivedRequest)
    assert seen.target == "/echo/a%20b?x=1&y=%C3%BC"
    assert seen.headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": f"everlake/{__version__}",
        "accept": "*/*",
        "accept-encoding": "identity",
    }


def test_a_proxy_of_the_environment_is_not_used(
    home: FetcherFixture, server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert home.fetch(server.url("file/10")).size == 10


def test_stated_size_and_hashes_are_checked(home: FetcherFixture, server: HostileServer) -> None:
    sha1 = hashlib.sha1(DATA, usedforsecurity=False).hexdigest()
    md5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    stated = ExpectedContent(size=1_000, sha1=sha1.upper(), md5=md5)

    assert home.fetch(server.url("file/1000"), stated).size == 1_000


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        (ExpectedContent(sha1="0" * 40), FetchCode.SHA1_MISMATCH),
        (ExpectedContent(md5="0" * 32), FetchCode.MD5_MISMATCH),
        (ExpectedContent(size=999), FetchCode.SIZE_MISMATCH),
        (ExpectedContent(size=1_001), FetchCode.SIZE_MISMATCH),
    ],
)
@pytest.mark.parametrize("behaviour", ["file", "chunked"])
def test_a_mismatch_has_its_own_code_and_leaves_nothing(
    home: FetcherFixture,
    server: HostileServer,
    behaviour: str,
    stated: ExpectedContent,
    code: FetchCode,
) -> None:
    error = fetch_error(home, server.url(f"{behaviour}/1000"), expected=stated)

    assert (error.code, error.retryable) == (code, False)
    assert home.files == []


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        (ExpectedContent(sha1="nonsense"), FetchCode.SHA1_MISMATCH),
        (ExpectedContent(sha1="g" * 40), FetchCode.SHA1_MISMATCH),
        (ExpectedContent(md5="0" * 31), FetchCode.MD5_MISMATCH),
        (ExpectedContent(size=SHORT_LIMITS.max_bytes + 1), FetchCode.TOO_LARGE),
    ],
)
def test_impossible_expectations_fail_before_any_request(
    home: FetcherFixture, server: HostileServer, stated: ExpectedContent, code: FetchCode
) -> None:
    assert fetch_error(home, server.url("file/1000"), expected=stated).code == code
    assert server.connections == 0


@pytest.mark.parametrize(
    "path", ["file/1001", "chunked/1001", "until-close/1001", "coded/gzip/1001", "bomb/50000000"]
)
def test_content_over_the_limit_is_refused(
    server: HostileServer, tmp_path: Path, path: str
) -> None:
    # The server makes the content while it is waited for, which takes long on a busy machine.
    limits = msgspec.structs.replace(
        SHORT_LIMITS, max_bytes=1_000, idle_timeout=60, total_timeout=60
    )
    home = FetcherFixture(tmp_path, limits=limits)

    assert fetch_error(home, server.url(path)).code == FetchCode.TOO_LARGE
    assert home.files == []


def test_content_of_exactly_the_limit_is_accepted(server: HostileServer, tmp_path: Path) -> None:
    home = FetcherFixture(tmp_path, limits=msgspec.structs.replace(SHORT_LIMITS, max_bytes=1_000))

    assert home.fetch(server.url("coded/gzip/1000")).size == 1_000


@pytest.mark.parametrize(
    "coding", ["gzip", "x-gzip", "deflate", "raw-deflate", "members", "padded", "identity"]
)
def test_unrequested_content_codings_are_decoded(
    home: FetcherFixture, server: HostileServer, coding: str
) -> None:
    fetched = home.fetch(server.url(f"coded/{coding}/1000"), ExpectedContent(size=1_000))

    assert content_bytes(fetched) == DATA


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
def test_invalid_content_codings_are_errors(
    home: FetcherFixture, server: HostileServer, coding: str, code: FetchCode
) -> None:
    assert fetch_error(home, server.url(f"coded/{coding}/1000")).code == code
    assert home.files == []


def test_countless_empty_gzip_members_are_decoded_in_linear_time(
    home: FetcherFixture, server: HostileServer
) -> None:
    assert home.fetch(server.url("coded/hollow/100000")).size == 0


def test_waiting_for_a_slot_does_not_count_as_fetch_time(
    server: HostileServer, tmp_path: Path
) -> None:
    """With one slot, each fetch takes half a second of its total timeout of one second."""
    limits = msgspec.structs.replace(SHORT_LIMITS, idle_timeout=0.5, total_timeout=1)
    home = FetcherFixture(tmp_path, limits=limits, connections_per_host=1)

    def fetch(number: int) -> FetchError:
        return fetch_error(home, server.url(f"silent/{number}"), name=f"n{number}")

    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(fetch, range(4)))) == 4
    assert len(server.requests) == 4


def test_an_archive_is_not_unpacked(home: FetcherFixture, server: HostileServer) -> None:
    packed = gzip.compress(DATA)
    server_data = home.spool.receive("x", [packed], ExpectedContent(), max_bytes=10_000)

    assert content_bytes(server_data) == packed


@pytest.mark.parametrize("path", ["short/1000", "cut/900000/500000", "chunked-no-end/1000"])
def test_an_early_end_is_a_retryable_error(
    home: FetcherFixture, server: HostileServer, path: str
) -> None:
    error = fetch_error(home, server.url(path))

    assert (error.code, error.retryable) == (FetchCode.CUT_OFF, True)


def test_bytes_after_the_announced_end_are_not_the_next_response(
    server: HostileServer, tmp_path: Path
) -> None:
    """Repeated, because libcurl notices such bytes between two requests only sometimes."""
    for number in range(20):
        home = FetcherFixture(tmp_path / str(number))

        assert content_bytes(home.fetch(server.url("long/1000"))) == DATA
        assert content_bytes(home.fetch(server.url("file/2000"), name="two")) == content(2_000)


def test_with_two_framings_chunks_count_and_the_connection_is_closed(
    home: FetcherFixture, server: HostileServer
) -> None:
    assert content_bytes(home.fetch(server.url("both-framings"))) == DATA
    home.fetch(server.url("file/10"), name="two")

    assert server.connections == 2


@pytest.mark.parametrize(
    "lengths", ["10/11", "-1", "%2B5", "1_0", "0x10", "ten", "10%2C11", "1" * 30, "10/ten"]
)
def test_invalid_lengths_are_errors(
    home: FetcherFixture, server: HostileServer, lengths: str
) -> None:
    assert fetch_error(home, server.url(f"length/{lengths}")).code == FetchCode.BAD_ANSWER


@pytest.mark.parametrize("lengths", ["1000", "1000/1000", "1000%2C%201000"])
def test_a_repeated_length_is_accepted(
    home: FetcherFixture, server: HostileServer, lengths: str
) -> None:
    assert home.fetch(server.url(f"length/{lengths}")).size == 1_000


@pytest.mark.parametrize("coding", ["gzip", "gzip,%20chunked", "identity", "chunked,%20chunked"])
def test_transfer_codings_other_than_chunked_are_errors(
    home: FetcherFixture, server: HostileServer, coding: str
) -> None:
    url = server.url(f"headers?Transfer-Encoding={coding}")

    assert fetch_error(home, url).code == FetchCode.BAD_ANSWER


@pytest.mark.parametrize(
    "path",
    ["silent", "silent-body/10", "silent-body/500000", "slow-headers", "hundreds"],
)
def test_silent_servers_and_endless_headers_time_out(
    home: FetcherFixture, server: HostileServer, path: str
) -> None:
    error = fetch_error(home, server.url(path))

    assert (error.code, error.retryable) == (FetchCode.TIMED_OUT, True)


@pytest.mark.parametrize("path", ["slow", "slow-until-close", "trailers"])
def test_a_slow_response_ends_at_the_total_timeout(
    server: HostileServer, tmp_path: Path, path: str
) -> None:
    limits = msgspec.structs.replace(SHORT_LIMITS, idle_timeout=30, total_timeout=0.5)
    home = FetcherFixture(tmp_path, limits=limits)

    assert fetch_error(home, server.url(path)).code == FetchCode.TIMED_OUT


@pytest.mark.parametrize("path", ["slow", "slow-until-close"])
def test_a_response_that_trickles_in_ends_long_before_the_total_timeout(
    server: HostileServer, tmp_path: Path, path: str
) -> None:
    limits = msgspec.structs.replace(
        SHORT_LIMITS, idle_timeout=30, total_timeout=3_600, speed_window=0.3
    )
    error = fetch_error(FetcherFixture(tmp_path, limits=limits), server.url(path))

    assert (error.code, error.retryable) == (FetchCode.TIMED_OUT, True)
    assert "less than 1,024 bytes a second" in error.message


@pytest.mark.parametrize("path", ["silent", "silent-body/10", "slow-headers", "slow", "trailers"])
def test_cancellation_ends_a_fetch_at_any_point(
    server: HostileServer, tmp_path: Path, path: str
) -> None:
    limits = msgspec.structs.replace(SHORT_LIMITS, idle_timeout=60, total_timeout=3_600)
    home = FetcherFixture(tmp_path, limits=limits)
    stop = threading.Event()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(home.fetch, server.url(path), stop=stop)
        while not server.requests:
            time.sleep(0.01)
        stop.set()
        with pytest.raises(FetchStopped):
            running.result(timeout=30)


@pytest.mark.parametrize("kind", sorted(RAW))
def test_an_invalid_http_response_is_an_error(
    home: FetcherFixture, server: HostileServer, kind: str
) -> None:
    error = fetch_error(home, server.url(f"raw/{kind}"))

    assert error.code in {FetchCode.BAD_ANSWER, FetchCode.CUT_OFF}
    assert home.files == []


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_temporary_statuses_are_retryable(
    home: FetcherFixture, server: HostileServer, status: int
) -> None:
    error = fetch_error(home, server.url(f"status/{status}"))

    assert (error.code, error.retryable, error.retry_after) == (FetchCode.HTTP_STATUS, True, None)
    assert str(status) in error.message


@pytest.mark.parametrize("status", [201, 202, 204, 206, 400, 401, 403, 404, 410, 416, 451])
def test_permanent_statuses_are_not_retryable(
    home: FetcherFixture, server: HostileServer, status: int
) -> None:
    error = fetch_error(home, server.url(f"status/{status}"))

    assert (error.code, error.retryable) == (FetchCode.HTTP_STATUS, False)


@pytest.mark.parametrize(
    ("after", "seconds"), [("7", 7), ("0", 0), ("999999", 3_600), ("soon", None), ("-1", None)]
)
def test_retry_after_is_reported(
    home: FetcherFixture, server: HostileServer, after: str, seconds: float | None
) -> None:
    assert fetch_error(home, server.url(f"status/429?after={after}")).retry_after == seconds


def test_a_busy_server_succeeds_the_next_time(home: FetcherFixture, server: HostileServer) -> None:
    url = server.url("busy-once/1000")

    assert fetch_error(home, url).retry_after == 7
    assert home.fetch(url).size == 1_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(home: FetcherFixture, server: HostileServer, status: int) -> None:
    assert home.fetch(server.url(f"redirect/{status}?to=../file/1000")).size == 1_000


def test_five_redirects_are_followed_but_not_six(
    home: FetcherFixture, server: HostileServer
) -> None:
    assert home.fetch(server.url("hops/5")).size == 1_000
    assert fetch_error(home, server.url("hops/6")).code == FetchCode.TOO_MANY_REDIRECTS


def test_a_redirect_loop_ends(home: FetcherFixture, server: HostileServer) -> None:
    assert fetch_error(home, server.url("circle")).code == FetchCode.TOO_MANY_REDIRECTS
    assert len(server.requests) == SHORT_LIMITS.max_redirects + 1


@pytest.mark.parametrize("path", ["redirect", "locations", "status/304", "status/300"])
def test_redirects_without_a_valid_location_are_errors(
    home: FetcherFixture, server: HostileServer, path: str
) -> None:
    assert fetch_error(home, server.url(path)).code == FetchCode.BAD_ANSWER


def test_connections_are_reused(home: FetcherFixture, server: HostileServer) -> None:
    for number in range(5):
        home.fetch(server.url(f"file/{number}"), name=f"n{number}")

    assert server.connections == 1


def test_a_kept_connection_that_the_server_closed_is_replaced(
    home: FetcherFixture, server: HostileServer
) -> None:
    for number in range(3):
        home.fetch(server.url(f"closes-later/{number}"), name=f"n{number}")

    assert server.connections == 3
    assert len(server.requests) == 5


def test_a_new_connection_that_ends_silently_is_not_retried(
    home: FetcherFixture, server: HostileServer
) -> None:
    assert fetch_error(home, server.url("raw/nothing")).retryable
    assert len(server.requests) == 1


def test_a_kept_connection_to_a_stopped_server_is_a_connection_error(
    home: FetcherFixture, server: HostileServer
) -> None:
    home.fetch(server.url("file/1"), name="before")
    server.close()

    error = fetch_error(home, server.url("file/1"))

    assert (error.code, error.retryable) == (FetchCode.CONNECTION_FAILED, True)


def test_reading_pauses_while_the_buffer_is_full(server: HostileServer) -> None:
    session = CurlSession(ConnectionOptions(connect_timeout=2))
    session.start(parse(server.url("file/5000000")), "127.0.0.1", [])
    pieces: list[bytes] = []
    while not session.done:
        session.perform(0.1)
        time.sleep(0.001)  # in which more comes than is taken
        pieces.append(session.read_available())
    while piece := session.read_available():
        pieces.append(piece)
    session.close()

    assert b"".join(pieces) == content(5_000_000)
    assert max(map(len, pieces)) <= 256 * 1024


def test_more_than_1024_open_files_are_supported(
    home: FetcherFixture, server: HostileServer
) -> None:
    """select(2) would not support descriptors from 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4_096)), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1_100)]
    try:
        assert content_bytes(home.fetch(server.url("file/300000"))) == content(300_000)
    finally:
        for handle in held:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_child_processes_inherit_no_connection(home: FetcherFixture, server: HostileServer) -> None:
    before = set(_inheritable())

    home.fetch(server.url("file/1"))

    assert set(_inheritable()) == before


def _inheritable() -> Iterator[int]:
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if os.get_inheritable(int(entry.name)):
                yield int(entry.name)


def test_a_failed_connection_is_a_retryable_error(
    home: FetcherFixture, server: HostileServer
) -> None:
    server.close()

    error = fetch_error(home, server.url("file/1"))

    assert (error.code, error.retryable) == (FetchCode.CONNECTION_FAILED, True)


def test_many_threads_share_four_connections(home: FetcherFixture, server: HostileServer) -> None:
    def fetch(number: int) -> str:
        return home.fetch(server.url(f"file/{number * 1_000}"), name=f"n{number}").sha256

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(fetch, range(100)))

    assert found == [sha256(content(number * 1_000)) for number in range(100)]
    assert server.connections <= 4


def test_progress_is_reported(home: FetcherFixture, server: HostileServer) -> None:
    told: list[int] = []

    home.fetch(server.url("file/3000000"), on_progress=told.append)

    assert told == sorted(told)
    assert told[-1] == 3_000_000


def test_errors_disclose_no_internal_details(server: HostileServer, tmp_path: Path) -> None:
    def resolver(*_arguments: object, **_options: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", ("10.11.12.13", server.port))]

    home = FetcherFixture(tmp_path, guard=SsrfGuard(resolver=resolver))
    error = fetch_error(home, server.url("file/1", host="files.example"))

    assert error.code == FetchCode.ADDRESS_NOT_ALLOWED
    assert "10.11" not in str(error)
    assert str(tmp_path) not in str(error)
