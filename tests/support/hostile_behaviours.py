"""Behaviours of the hostile web server.

The URL ``http://127.0.0.1:<port>/<behaviour>/<argument>/<argument>`` selects one. Content is
:func:`content` of a size, so that tests know it. A behaviour that cuts off its first response
answers a repeated request correctly, or as its name says.
"""

import gzip
import random
import zlib
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote

import msgspec

from tests.support.hostile_server import (
    BEHAVIOURS,
    CLOSE,
    Behaviour,
    ClientConnection,
    Headers,
    HostileServer,
    ReceivedRequest,
    behaviour,
    hostile_server,
)

__all__ = ["CODED", "RAW", "HostileServer", "ReceivedRequest", "content", "etag", "hostile_server"]


@lru_cache(maxsize=32)
def content(size: int, seed: int = 0) -> bytes:
    """Return ``size`` random bytes, the same for the same arguments."""
    return random.Random(seed).randbytes(size)


def etag(seed: int = 0) -> str:
    return f'"version-{seed}"'


def serve_ranges(
    peer: ClientConnection, request: ReceivedRequest, data: bytes, tag: Headers
) -> None:
    """Answer as a correct server does, with ranges (RFC 9110, section 14)."""
    begins = request.range_start
    known = {value for value in tag.values() if isinstance(value, str)}
    if begins is None or request.headers.get("if-range") not in known:
        peer.send_response(200, tag, data)
    elif begins >= len(data):
        peer.send_response(416, {**tag, "Content-Range": f"bytes */{len(data)}"})
    else:
        content_range = f"bytes {begins}-{len(data) - 1}/{len(data)}"
        peer.send_response(206, {**tag, "Content-Range": content_range}, data[begins:])


# Correct responses.


@behaviour
def file(peer: ClientConnection, request: ReceivedRequest) -> None:
    serve_ranges(peer, request, content(int(request.path[1])), {"ETag": etag()})


@behaviour
def chunked(peer: ClientConnection, request: ReceivedRequest) -> None:
    peer.send_head(200, {"Transfer-Encoding": "chunked"})
    data = content(int(request.path[1]))
    for start in range(0, len(data), 10_000):
        peer.send_chunk(data[start : start + 10_000])
    peer.send(b"0\r\n\r\n")


@behaviour
def talkative(peer: ClientConnection, request: ReceivedRequest) -> None:
    """Interim responses before the response and trailers after it, with misleading fields."""
    peer.send(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n")
    peer.send(b"HTTP/1.1 100 Continue\r\nContent-Encoding: gzip\r\n\r\n")
    peer.send_head(200, {"Transfer-Encoding": "chunked"})
    peer.send_chunk(content(int(request.path[1])))
    peer.send(b'0\r\nContent-Encoding: gzip\r\nETag: "other"\r\n\r\n')


@behaviour
def until_close(peer: ClientConnection, request: ReceivedRequest) -> object:
    peer.send(b"HTTP/1.0 200 OK\r\n\r\n" + content(int(request.path[1])))
    return CLOSE


@behaviour
def echo(peer: ClientConnection, request: ReceivedRequest) -> None:
    peer.send_response(200, {}, msgspec.json.encode(request))


# Responses that end too early, and their answers to a request for the rest.


def _cut(peer: ClientConnection, request: ReceivedRequest, tag: Headers, seed: int = 0) -> object:
    size, at = int(request.path[1]), int(request.path[2])
    peer.send_head(200, {"Content-Length": str(size), **tag})
    peer.send(content(size, seed)[:at])
    return CLOSE


def cut_first(name: str, tag: Headers) -> Callable[[Behaviour], Behaviour]:
    """Register a behaviour that cuts its first response off after ``path[2]`` bytes."""

    def register(then: Behaviour) -> Behaviour:
        def both(peer: ClientConnection, request: ReceivedRequest) -> object:
            if peer.server.request_counts[request.target] == 1:
                return _cut(peer, request, tag)
            return then(peer, request)

        BEHAVIOURS[name] = both
        return both

    return register


STRONG: Headers = {"ETag": etag()}
WEAK: Headers = {"ETag": "W/" + etag()}
DATED: Headers = {
    "Last-Modified": "Mon, 05 Jan 2026 10:00:00 GMT",
    "Date": "Mon, 05 Jan 2026 12:00:00 GMT",
}
FRESH: Headers = {**DATED, "Date": "Mon, 05 Jan 2026 10:00:00 GMT"}


def _whole(tag: Headers, seed: int = 0, more: int = 0) -> Behaviour:
    def serve(peer: ClientConnection, request: ReceivedRequest) -> None:
        serve_ranges(peer, request, content(int(request.path[1]) + more, seed), tag)

    return serve


for _name, _before, _then in (
    ("cut", STRONG, _whole(STRONG)),
    ("cut-dated", DATED, _whole(DATED)),
    ("cut-weak", WEAK, _whole(WEAK)),
    ("cut-fresh", FRESH, _whole(FRESH)),
    ("cut-unmarked", {}, _whole({})),
    ("cut-changes", STRONG, _whole({"ETag": etag(1)}, seed=1)),
    ("cut-grows", STRONG, _whole(STRONG, more=1_000)),
):
    cut_first(_name, _before)(_then)


@behaviour
def cut_always(peer: ClientConnection, request: ReceivedRequest) -> object:
    return _cut(peer, request, STRONG)


def _wrong_range(status: int, content_range: str, tag: Headers = STRONG) -> Behaviour:
    """Answer a range request wrongly; letters of ``content_range`` stand for numbers."""

    def serve(peer: ClientConnection, request: ReceivedRequest) -> None:
        data, begins = content(int(request.path[1])), request.range_start
        if begins is None:
            peer.send_response(200, STRONG, data)
            return
        places = {
            "N": begins,
            "L": len(data) - 1,
            "T": len(data),
            "B": begins - 10,
            "M": begins + 9,
        }
        range_told = "".join(str(places.get(sign, sign)) for sign in content_range)
        headers = {**tag, "Content-Range": range_told} if content_range else tag
        body = data[begins : begins + 10] if "M" in content_range else data[begins:]
        peer.send_response(status, headers, body)

    return serve


for _name, _then in (
    ("cut-wrong-start", _wrong_range(206, "bytes B-L/T")),
    ("cut-wrong-total", _wrong_range(206, "bytes N-L/1T")),
    ("cut-total-hidden", _wrong_range(206, "bytes N-L/*")),
    ("cut-small-part", _wrong_range(206, "bytes N-M/T")),
    ("cut-no-range", _wrong_range(206, "")),
    ("cut-nonsense-range", _wrong_range(206, "lines N-L/T")),
    ("cut-other-tag", _wrong_range(206, "bytes N-L/T", {"ETag": etag(7)})),
    ("cut-no-tag", _wrong_range(206, "bytes N-L/T", {})),
    ("cut-gzip-range", _wrong_range(206, "bytes N-L/T", {**STRONG, "Content-Encoding": "gzip"})),
    ("cut-wrong-416", _wrong_range(416, "bytes */1T")),
    ("cut-silent-416", _wrong_range(416, "")),
):
    cut_first(_name, STRONG)(_then)


@behaviour
def cut_gone(peer: ClientConnection, request: ReceivedRequest) -> object:
    if peer.server.request_counts[request.target] == 1:
        return _cut(peer, request, STRONG)
    return peer.send_response(404, {})


@behaviour
def cut_busy(peer: ClientConnection, request: ReceivedRequest) -> object:
    if peer.server.request_counts[request.target] == 1:
        return _cut(peer, request, STRONG)
    if peer.server.request_counts[request.target] == 2:
        return peer.send_response(503, {})
    return file(peer, request)


@behaviour
def cut_ignores(peer: ClientConnection, request: ReceivedRequest) -> object:
    if peer.server.request_counts[request.target] == 1:
        return _cut(peer, request, STRONG)
    return peer.send_response(200, STRONG, content(int(request.path[1])))


@behaviour
def cut_by_parts(peer: ClientConnection, request: ReceivedRequest) -> object:
    """No response has more than ``path[2]`` bytes of its announced content."""
    data, begins = content(int(request.path[1])), request.range_start or 0
    content_range = f"bytes {begins}-{len(data) - 1}/{len(data)}"
    range_headers = {"Content-Range": content_range} if begins else {}
    peer.send_head(
        206 if begins else 200,
        {"Content-Length": str(len(data) - begins), **STRONG, **range_headers},
    )
    peer.send(data[begins : begins + int(request.path[2])])
    return CLOSE


@behaviour
def chunked_no_end(peer: ClientConnection, request: ReceivedRequest) -> object:
    """All of the content, but the connection is closed before the last chunk."""
    if peer.server.request_counts[request.target] > 1:
        return file(peer, request)
    peer.send_head(200, {"Transfer-Encoding": "chunked", **STRONG})
    peer.send_chunk(content(int(request.path[1])))
    return CLOSE


@behaviour
def reset(peer: ClientConnection, request: ReceivedRequest) -> object:
    """Part of the content, and then a TCP reset instead of an orderly close."""
    size = int(request.path[1])
    peer.send_head(200, {"Content-Length": str(size + 10)})
    peer.send(content(size))
    peer.reset()
    return CLOSE


# Contradictory responses.


@behaviour
def short(peer: ClientConnection, request: ReceivedRequest) -> object:
    size = int(request.path[1])
    peer.send_head(200, {"Content-Length": str(size + 10)})
    peer.send(content(size))
    return CLOSE


@behaviour
def long(peer: ClientConnection, request: ReceivedRequest) -> None:
    size = int(request.path[1])
    peer.send_head(200, {"Content-Length": str(size)})
    peer.send(content(size) + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")


@behaviour
def length(peer: ClientConnection, request: ReceivedRequest) -> object:
    """A header ``Content-Length`` for each segment of the path."""
    peer.send_head(200, {"Content-Length": [unquote(one) for one in request.path[1:]]})
    peer.send(content(1_000))
    return CLOSE


@behaviour
def headers(peer: ClientConnection, request: ReceivedRequest) -> object:
    """Ten bytes with the headers of the query."""
    peer.send_head(200, dict(request.query))
    peer.send(content(10))
    return CLOSE


@behaviour
def both_framings(peer: ClientConnection, request: ReceivedRequest) -> None:
    peer.send_head(200, {"Content-Length": "3", "Transfer-Encoding": "chunked"})
    peer.send_chunk(content(1_000))
    peer.send(b"0\r\n\r\n")


# Content codings.


def raw_deflate(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(data) + made.flush()


CODED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw-deflate": ("deflate", raw_deflate),
    "members": ("gzip", lambda data: gzip.compress(data[:500]) + gzip.compress(data[500:])),
    "padded": ("gzip", lambda data: gzip.compress(data) + bytes(64)),
    "cut": ("gzip", lambda data: gzip.compress(data)[:-20]),
    "damaged": ("gzip", lambda data: gzip.compress(data)[:-8] + bytes(8)),
    "hollow": ("gzip", lambda data: gzip.compress(b"") * len(data)),
    "none": ("gzip", lambda data: data),
    "empty": ("gzip", lambda _: b""),
    "br": ("br", lambda data: data),
    "twice": ("gzip, gzip", lambda data: gzip.compress(gzip.compress(data))),
    "identity": ("identity", lambda data: data),
}


@behaviour
def coded(peer: ClientConnection, request: ReceivedRequest) -> None:
    coding, encode = CODED[request.path[1]]
    body = encode(content(int(request.path[2])))
    peer.send_response(200, {"Content-Encoding": coding, **STRONG}, body)


@lru_cache(maxsize=4)
def _bomb(size: int) -> bytes:
    made = zlib.compressobj(9, wbits=31)
    pieces = [made.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)]
    return b"".join([*pieces, made.flush()])


@behaviour
def bomb(peer: ClientConnection, request: ReceivedRequest) -> None:
    peer.send_response(200, {"Content-Encoding": "gzip"}, _bomb(int(request.path[1])))


# Slow responses.


@behaviour
def silent(peer: ClientConnection, request: ReceivedRequest) -> None:
    peer.hang()


@behaviour
def silent_body(peer: ClientConnection, request: ReceivedRequest) -> None:
    """A million bytes, of which the first response stops after some."""
    if peer.server.request_counts[request.target] > 1:
        serve_ranges(peer, request, content(1_000_000), STRONG)
        return
    peer.send_head(200, {"Content-Length": "1000000", **STRONG})
    peer.send(content(1_000_000)[: int(request.path[1])])
    peer.hang()


@behaviour
def slow(peer: ClientConnection, request: ReceivedRequest) -> None:
    peer.send_head(200, {"Content-Length": "100000000"})
    peer.send_slowly(b"x")


@behaviour
def slow_until_close(peer: ClientConnection, request: ReceivedRequest) -> None:
    peer.send_head(200, {})
    peer.send_slowly(b"x")


@behaviour
def slow_headers(peer: ClientConnection, request: ReceivedRequest) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    peer.send_slowly(b"x")


@behaviour
def hundreds(peer: ClientConnection, request: ReceivedRequest) -> None:
    peer.send_slowly(b"HTTP/1.1 100 Continue\r\n\r\n", 0.001)


@behaviour
def trailers(peer: ClientConnection, request: ReceivedRequest) -> None:
    peer.send_head(200, {"Transfer-Encoding": "chunked"})
    peer.send_chunk(content(100))
    peer.send(b"0\r\n")
    peer.send_slowly(b"X-More: 1\r\n", 0.001)


# Responses that are not valid HTTP.


RAW: dict[str, bytes] = {
    "garbage": bytes(range(256)) * 4,
    "banner": b"SSH-2.0-OpenSSH_9.6\r\n",
    "icy": b"ICY 200 OK\r\nicy-name: x\r\n\r\nmusic",
    "nothing": b"",
    "half-a-line": b"HTTP/1.1 2",
    "half-a-head": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n",
    "no-status": b"HTTP/1.1 OK\r\n\r\n",
    "odd-status": b"HTTP/1.1 99999 OK\r\n\r\n",
    "http-2": b"HTTP/2 200\r\n\r\nx",
    "many-headers": b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 100_000 + b"\r\n",
    "long-header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000_000 + b"\r\n\r\n",
    "long-status": b"HTTP/1.1 200 " + b"x" * 10_000_000 + b"\r\n\r\n",
    "chunk-garbage": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello there\r\n\r\n",
    "chunk-negative": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
    "chunk-huge": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
    "chunk-line": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 1_000_000,
}


@behaviour
def raw(peer: ClientConnection, request: ReceivedRequest) -> object:
    peer.send(RAW[request.path[1]])
    return CLOSE


# Statuses and redirects.


@behaviour
def status(peer: ClientConnection, request: ReceivedRequest) -> None:
    after = request.query.get("after")
    peer.send_response(int(request.path[1]), {"Retry-After": after} if after else {}, b"a page")


@behaviour
def busy_once(peer: ClientConnection, request: ReceivedRequest) -> None:
    if peer.server.request_counts[request.target] == 1:
        peer.send_response(503, {"Retry-After": "7"})
    else:
        peer.send_response(200, {}, content(int(request.path[1])))


@behaviour
def redirect(peer: ClientConnection, request: ReceivedRequest) -> None:
    code = int(request.path[1]) if len(request.path) > 1 else 302
    peer.send_response(code, {"Location": request.query["to"]} if request.query else {})


@behaviour
def locations(peer: ClientConnection, request: ReceivedRequest) -> None:
    peer.send_response(302, {"Location": ["/file/1", "/file/2"]})


@behaviour
def circle(peer: ClientConnection, request: ReceivedRequest) -> None:
    peer.send_response(302, {"Location": "/circle"})


@behaviour
def hops(peer: ClientConnection, request: ReceivedRequest) -> None:
    left = int(request.path[1])
    peer.send_response(302, {"Location": f"/hops/{left - 1}" if left > 1 else "../file/1000"})


# Connections that are closed between requests.


@behaviour
def closes_later(peer: ClientConnection, request: ReceivedRequest) -> object:
    """Answer the first request of a connection, and close it at the second."""
    if peer.answered:
        return CLOSE
    return peer.send_response(200, {}, content(int(request.path[1])))
