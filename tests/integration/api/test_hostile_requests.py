"""Hostile bodies and connections: each gets a response or is closed, memory stays bounded,
and the next valid request is served."""

import gzip
import json
from collections.abc import Callable, Generator

import pytest
import zstandard

from tests.support.api_workspaces import ApiWorkspaces, as_ndjson, assert_error, unique
from tests.support.raw_http import (
    ProcessMemory,
    chunked,
    connect,
    exchange,
    json_request_head,
    read_all,
    read_response,
    status_of,
)
from tests.support.server import ApiClient

LIMIT = 5 * 1024 * 1024
MOST_MEMORY = 256 * 1024 * 1024
"""Bytes of memory that one request of at most 5 MB may cost the API process at its peak."""

ZSTD_8M = b"\x28\xb5\x2f\xfd\x00\x68"
ZSTD_256M = b"\x28\xb5\x2f\xfd\x00\x90"


@pytest.fixture(autouse=True)
def _unharmed(home: ApiWorkspaces, api: ApiClient) -> Generator[None]:
    memory = ProcessMemory(home.server)
    memory.reset_peak()
    before = memory.now()
    yield
    assert memory.peak() - before < MOST_MEMORY
    api.accept(api.record())


def zstd_block(kind: int, size: int, *, last: bool) -> bytes:
    """A block header (RFC 8878, 3.1.1.2)."""
    return (size << 3 | kind << 1 | last).to_bytes(3, "little")


def gzip_bomb() -> bytes:
    """4 GiB of spaces in 4 MiB."""
    return gzip.compress(b" " * 2**24) * 256


def zstd_bomb() -> bytes:
    """160 GiB of spaces in 5 MiB: each block says a byte and how often."""
    return ZSTD_8M + (zstd_block(1, 131_072, last=False) + b" ") * (LIMIT // 4 - 2)


BOMBS = {"gzip": gzip_bomb, "zstd": zstd_bomb}


@pytest.mark.parametrize("encoding", BOMBS)
def test_a_decompression_bomb_is_too_large(api: ApiClient, encoding: str) -> None:
    answer = api.post(BOMBS[encoding](), headers={"content-encoding": encoding})
    assert_error(answer, 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("encoding", BOMBS)
def test_a_bomb_in_chunks_is_too_large(api: ApiClient, encoding: str) -> None:
    bomb = BOMBS[encoding]()
    parts = [bomb[start : start + 65_536] for start in range(0, len(bomb), 65_536)]
    top = json_request_head(api, f"Content-Encoding: {encoding}", "Transfer-Encoding: chunked")
    assert status_of(exchange(api, top + chunked(*parts), then_close=False)) in {413, 0}


def test_ten_megabytes_of_a_bomb_are_too_large_before_they_are_read(api: ApiClient) -> None:
    answer = api.post(gzip_bomb() * 3, headers={"content-encoding": "gzip"})
    assert_error(answer, 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("encoding", "member"),
    [
        ("gzip", gzip.compress(b"")),
        ("gzip", gzip.compress(b" ")),
        ("zstd", zstandard.compress(b"")),
        ("zstd", zstandard.compress(b" ")),
        ("zstd", b"\x50\x2a\x4d\x18\0\0\0\0"),
        ("zstd", ZSTD_8M + zstd_block(0, 0, last=True)),
    ],
    ids=["gzip", "gzip of a space", "zstd", "zstd of a space", "skippable", "large window"],
)
def test_many_empty_members_are_an_empty_body(api: ApiClient, encoding: str, member: bytes) -> None:
    body = member * (LIMIT // len(member))
    answer = api.post(body, headers={"content-encoding": encoding})
    assert_error(answer, 400, "INVALID_JSON")


def test_a_window_that_would_need_much_memory_is_refused(api: ApiClient) -> None:
    body = ZSTD_256M + zstd_block(0, 0, last=True)
    assert_error(api.post(body, headers={"content-encoding": "zstd"}), 400, "INVALID_BODY")


DEEP = {
    "a hundred thousand brackets": b"[" * 100_000 + b"]" * 100_000,
    "five million open brackets": b"[" * LIMIT,
    "braces": b'{"a":' * 500_000,
    "brackets in records": b"[" + b",".join([b"[" * 2_500 + b"]" * 2_500] * 1_000) + b"]",
}


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP.keys())
def test_deep_nesting_is_no_json_for_us(api: ApiClient, body: bytes) -> None:
    assert_error(api.post(body), 400, "INVALID_JSON")


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * (LIMIT // 3 - 2) + b"[]]",
        b"[" + b"1," * (LIMIT // 2 - 2) + b"1]",
        b'{"records":[' + b"{}," * (LIMIT // 3 - 6) + b"{}]}",
    ],
    ids=["arrays", "numbers", "wrapped"],
)
def test_millions_of_records_are_too_many(api: ApiClient, body: bytes) -> None:
    assert_error(api.post(body), 400, "TOO_MANY_RECORDS")


def test_millions_of_lines_are_too_many_and_millions_of_blank_ones_none(api: ApiClient) -> None:
    assert_error(as_ndjson(api, b"1\n" * (LIMIT // 2)), 400, "TOO_MANY_RECORDS")
    assert_error(as_ndjson(api, b"\n" * LIMIT), 400, "EMPTY_BATCH")


def numbers(count: int) -> bytes:
    return b"[" + b",".join([b"1"] * count) + b"]"


@pytest.mark.parametrize(
    ("member", "errors"),
    [
        (b'"_pii":{"detected_entities":%s}' % numbers(30_000), 1_000),
        (b'"_project_ids":%s' % numbers(30_000), 1_000),
        (b'"_attachments":%s' % numbers(30_000), 11),
        (b'"_vendor_ids":{%s}' % b",".join(b'"%06d":1' % n for n in range(30_000)), 1_000),
        (b",".join(b'"%06d":1' % n for n in range(30_000)), 1_000),
    ],
    ids=["entities", "projects", "attachments", "vendor ids", "unknown members"],
)
def test_very_many_errors_are_counted_up_to_their_limit(
    api: ApiClient, member: bytes, errors: int
) -> None:
    record = json.dumps(api.record()).encode()[:-1] + b"," + member + b"}"
    body = assert_error(api.post(record), 400, "ALL_RECORDS_REJECTED")
    assert body["details"]["totalErrorCount"] == errors
    assert len(body["details"]["errors"]) == min(errors, 20)


def test_the_errors_of_a_record_are_not_held_all_at_once(
    home: ApiWorkspaces, api: ApiClient
) -> None:
    memory = ProcessMemory(home.server)
    record = json.dumps(api.record(_project_ids=["@"])).encode()
    bad = record.replace(b'["@"]', numbers(400_000))
    before = memory.now()
    body = assert_error(api.post(bad), 400, "ALL_RECORDS_REJECTED")
    assert body["details"]["totalErrorCount"] == 1_000
    assert memory.peak() - before < 100 * 1024 * 1024


@pytest.mark.parametrize(
    ("member", "place"),
    [
        (b'"_tags":%s' % numbers(2_000_000), "_tags"),
        (b'"_attachments":[{"type":"file","size":-%s}]' % (b"9" * 4_000_000), "_attachments"),
        (b'"_pii":{"sensitive_score":%s}' % (b"9" * 4_000_000), "_pii.sensitive_score"),
        (b'"_thread_id":"%s"' % (b"\\\\" * 2_000_000), "_thread_id"),
        (b'"%s":1' % (b"x" * 4_000_000), "xxx"),
        (b'"_type":"%s"' % (b" " * 4_000_000), "_type"),
    ],
    ids=["tags", "an integer", "a number", "backslashes", "a name", "a type"],
)
def test_a_very_large_value_breaks_its_rule(api: ApiClient, member: bytes, place: str) -> None:
    record = json.dumps(api.record(_product_id=...)).encode()[:-1] + b"," + member + b"}"
    answer = api.post(record)
    body = assert_error(answer, 400, "ALL_RECORDS_REJECTED")
    assert any(error["message"].startswith(place) for error in body["details"]["errors"])
    assert len(answer.content) < 10_000


def right(api: ApiClient) -> bytes:
    return json.dumps(api.record(_vendor_ids={"id": unique()})).encode()


def batches(api: ApiClient) -> int:
    return len(api.http.get("/api/v1/ingest/batches?limit=100").json()["batches"])


def test_a_body_shorter_than_it_says_is_refused_when_the_client_stops(fresh: ApiClient) -> None:
    body = right(fresh)
    answer = exchange(fresh, json_request_head(fresh, f"Content-Length: {len(body) + 1}") + body)
    assert status_of(answer) == 400
    assert b'"INVALID_BODY"' in answer
    assert batches(fresh) == 0


def test_nothing_is_stored_when_the_client_goes_away_half_way(fresh: ApiClient) -> None:
    for _ in range(20):
        with connect(fresh) as wire:
            wire.sendall(json_request_head(fresh, "Content-Length: 5000000") + right(fresh))
    fresh.accept(right(fresh))
    assert batches(fresh) == 1


def test_a_body_longer_than_it_says_is_cut_where_it_says(fresh: ApiClient) -> None:
    body = right(fresh)
    top = json_request_head(fresh, f"Content-Length: {len(body)}")
    answer = exchange(fresh, top + body + b"[surplus]\r\n\r\n", then_close=False)
    assert status_of(answer) == 202
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.count(b"HTTP/1.1 4") == 1
    answer = exchange(
        fresh, json_request_head(fresh, "Content-Length: 10") + body, then_close=False
    )
    assert status_of(answer) == 400
    assert batches(fresh) == 1


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(api: ApiClient) -> None:
    with connect(api) as wire:
        wire.sendall(json_request_head(api, "Content-Length: 10000000000"))
        answer = read_response(wire)
    assert status_of(answer) == 413
    assert b'"PAYLOAD_TOO_LARGE"' in answer


EARLY: dict[str, tuple[int, str]] = {
    "unauthorized": (401, "/api/v1/ingest"),
    "not found": (404, "/api/v1/nothing"),
    "not allowed": (405, "/api/v1/records"),
    "too large": (413, "/api/v1/ingest"),
    "unsupported": (415, "/api/v1/ingest"),
}


@pytest.mark.parametrize(("status", "path"), EARLY.values(), ids=EARLY.keys())
def test_an_answer_before_the_end_of_the_body_closes_the_connection_and_says_so(
    api: ApiClient, status: int, path: str
) -> None:
    """Else a client takes the connection for its next request, which then is lost."""
    top = json_request_head(api, f"Content-Length: {LIMIT + 1}").replace(
        b"/api/v1/ingest", path.encode()
    )
    if status == 401:
        top = top.replace(b"em_sk_", b"em_xx_")
    if status == 415:
        top = top.replace(b"application/json", b"text/plain")
    with connect(api) as wire:
        wire.sendall(top + b" " * 100)
        answer = read_response(wire)
        assert status_of(answer) == status
        assert b"\r\nconnection: close\r\n" in answer.lower()
        wire.sendall(b" " * (LIMIT + 1 - 100))
        assert read_all(wire) == b""


def test_an_answer_after_the_whole_body_keeps_the_connection(api: ApiClient) -> None:
    body = right(api)
    with connect(api) as wire:
        for text in (body, b"{", body, b""):
            wire.sendall(json_request_head(api, f"Content-Length: {len(text)}") + text)
            assert b"\r\nconnection: close\r\n" not in read_response(wire).lower()
        wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: everlake\r\n\r\n")
        assert b"\r\nconnection: close\r\n" not in read_response(wire).lower()
        wire.sendall(b"GET /nothing HTTP/1.1\r\nHost: everlake\r\n\r\n")
        assert status_of(read_response(wire)) == 404


def test_a_body_in_chunks_is_a_body(fresh: ApiClient) -> None:
    body = right(fresh)
    parts = [body[place : place + 1] for place in range(len(body))]
    with connect(fresh) as wire:
        for _ in range(2):
            wire.sendall(json_request_head(fresh, "Transfer-Encoding: chunked") + chunked(*parts))
            assert status_of(read_response(wire)) == 202
    assert batches(fresh) == 2


def test_chunks_without_an_end_are_cut_off_at_the_limit(api: ApiClient) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    sent = 0
    with connect(api) as wire:
        wire.sendall(json_request_head(api, "Transfer-Encoding: chunked"))
        try:
            while sent < 2**30:
                wire.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass
        answer = read_all(wire)
    assert sent < 2**30
    # A client that goes on sending may lose the answer to the reset of the connection.
    assert status_of(answer) in {413, 0}


MALFORMED: dict[str, Callable[[ApiClient], bytes]] = {
    "a chunk without a size": lambda api: (
        json_request_head(api, "Transfer-Encoding: chunked") + b"zz\r\n" + right(api)
    ),
    "chunks that stop": lambda api: (
        json_request_head(api, "Transfer-Encoding: chunked") + chunked(right(api))[:-5]
    ),
    "a length that is no number": lambda api: (
        json_request_head(api, "Content-Length: ten") + right(api)
    ),
    "a negative length": lambda api: json_request_head(api, "Content-Length: -1") + right(api),
    "an endless length": lambda api: (
        json_request_head(api, f"Content-Length: {10**30}") + right(api)
    ),
    "two lengths": lambda api: (
        json_request_head(api, "Content-Length: 3", f"Content-Length: {len(right(api))}")
        + right(api)
    ),
    "a very long header": lambda api: (
        json_request_head(api, "X-Long: " + "x" * 1_000_000) + right(api)
    ),
    "very many headers": lambda api: json_request_head(api, *["X-Many: x"] * 5_000) + right(api),
    "another protocol": lambda _: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
    "no protocol": lambda _: b"hello\r\n\r\n",
    "a version to come": lambda _: b"GET /healthz HTTP/9.9\r\n\r\n",
}


@pytest.mark.parametrize("request_of", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_not_http_is_turned_away_and_nothing_is_stored(
    fresh: ApiClient, request_of: Callable[[ApiClient], bytes]
) -> None:
    answer = exchange(fresh, request_of(fresh))
    assert status_of(answer) in {0, 400, 413, 431, 505}
    assert batches(fresh) == 0


def test_a_body_that_stops_half_way_is_refused_after_a_while(strict: ApiWorkspaces) -> None:
    api = strict.workspace()
    body = right(api)
    with connect(api) as wire:
        wire.sendall(json_request_head(api, f"Content-Length: {len(body) + 1}") + body)
        answer = read_response(wire)
    assert status_of(answer) == 400
    assert b'"INVALID_BODY"' in answer
    with connect(api) as wire:
        wire.sendall(json_request_head(api, "Transfer-Encoding: chunked") + chunked(body)[:-5])
        assert status_of(read_response(wire)) == 400
    api.accept(api.record())
    assert batches(api) == 1
