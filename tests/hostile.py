"""A web server that does what none should, by the first word of the path.

``http://127.0.0.1:<port>/<behaviour>/<argument>/<argument>``; the behaviours are the functions
under :func:`behaviour`. Content is :func:`content` of a size, so that a test knows it. Whatever
is cut off answers as it should, or as it is called, when it is asked again.
"""

import gzip
import random
import zlib
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote

import msgspec

from tests.hostile_server import (
    BEHAVIOURS,
    CLOSE,
    Behaviour,
    Headers,
    Hostile,
    Peer,
    Request,
    behaviour,
    hostile,
)

__all__ = ["CODED", "RAW", "Hostile", "Request", "content", "etag", "hostile"]


@lru_cache(maxsize=32)
def content(size: int, seed: int = 0) -> bytes:
    """``size`` bytes that look like nothing."""
    return random.Random(seed).randbytes(size)


def etag(seed: int = 0) -> str:
    return f'"version-{seed}"'


def serve_ranges(peer: Peer, request: Request, data: bytes, tag: Headers) -> None:
    """Answer as a good server does (RFC 9110, section 14)."""
    begins = request.begins
    known = {value for value in tag.values() if isinstance(value, str)}
    if begins is None or request.headers.get("if-range") not in known:
        peer.answer(200, tag, data)
    elif begins >= len(data):
        peer.answer(416, {**tag, "Content-Range": f"bytes */{len(data)}"})
    else:
        told = f"bytes {begins}-{len(data) - 1}/{len(data)}"
        peer.answer(206, {**tag, "Content-Range": told}, data[begins:])


# Good ones.


@behaviour
def file(peer: Peer, request: Request) -> None:
    serve_ranges(peer, request, content(int(request.path[1])), {"ETag": etag()})


@behaviour
def chunked(peer: Peer, request: Request) -> None:
    peer.head(200, {"Transfer-Encoding": "chunked"})
    data = content(int(request.path[1]))
    for start in range(0, len(data), 10_000):
        peer.chunk(data[start : start + 10_000])
    peer.send(b"0\r\n\r\n")


@behaviour
def talkative(peer: Peer, request: Request) -> None:
    """Interim answers before the answer and fields behind it: none of them are the answer's."""
    peer.send(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n")
    peer.send(b"HTTP/1.1 100 Continue\r\nContent-Encoding: gzip\r\n\r\n")
    peer.head(200, {"Transfer-Encoding": "chunked"})
    peer.chunk(content(int(request.path[1])))
    peer.send(b'0\r\nContent-Encoding: gzip\r\nETag: "other"\r\n\r\n')


@behaviour
def until_close(peer: Peer, request: Request) -> object:
    peer.send(b"HTTP/1.0 200 OK\r\n\r\n" + content(int(request.path[1])))
    return CLOSE


@behaviour
def echo(peer: Peer, request: Request) -> None:
    peer.answer(200, {}, msgspec.json.encode(request))


# Those that end too early, and what they do when they are asked to go on.


def _cut(peer: Peer, request: Request, tag: Headers, seed: int = 0) -> object:
    size, at = int(request.path[1]), int(request.path[2])
    peer.head(200, {"Content-Length": str(size), **tag})
    peer.send(content(size, seed)[:at])
    return CLOSE


def cut_first(name: str, tag: Headers) -> Callable[[Behaviour], Behaviour]:
    """A behaviour that cuts its first answer off after ``path[2]`` bytes."""

    def register(then: Behaviour) -> Behaviour:
        def both(peer: Peer, request: Request) -> object:
            if peer.server.asked[request.target] == 1:
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
    def serve(peer: Peer, request: Request) -> None:
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
def cut_always(peer: Peer, request: Request) -> object:
    return _cut(peer, request, STRONG)


def _wrong(status: int, told: str, tag: Headers = STRONG) -> Behaviour:
    """Answer a range wrongly, and everything else well; ``told`` of N to T for Content-Range."""

    def serve(peer: Peer, request: Request) -> None:
        data, begins = content(int(request.path[1])), request.begins
        if begins is None:
            peer.answer(200, STRONG, data)
            return
        places = {
            "N": begins,
            "L": len(data) - 1,
            "T": len(data),
            "B": begins - 10,
            "M": begins + 9,
        }
        range_told = "".join(str(places.get(sign, sign)) for sign in told)
        headers = {**tag, "Content-Range": range_told} if told else tag
        body = data[begins : begins + 10] if "M" in told else data[begins:]
        peer.answer(status, headers, body)

    return serve


for _name, _then in (
    ("cut-wrong-start", _wrong(206, "bytes B-L/T")),
    ("cut-wrong-total", _wrong(206, "bytes N-L/1T")),
    ("cut-total-hidden", _wrong(206, "bytes N-L/*")),
    ("cut-small-part", _wrong(206, "bytes N-M/T")),
    ("cut-no-range", _wrong(206, "")),
    ("cut-nonsense-range", _wrong(206, "lines N-L/T")),
    ("cut-other-tag", _wrong(206, "bytes N-L/T", {"ETag": etag(7)})),
    ("cut-no-tag", _wrong(206, "bytes N-L/T", {})),
    ("cut-gzip-range", _wrong(206, "bytes N-L/T", {**STRONG, "Content-Encoding": "gzip"})),
    ("cut-wrong-416", _wrong(416, "bytes */1T")),
    ("cut-silent-416", _wrong(416, "")),
):
    cut_first(_name, STRONG)(_then)


@behaviour
def cut_gone(peer: Peer, request: Request) -> object:
    if peer.server.asked[request.target] == 1:
        return _cut(peer, request, STRONG)
    return peer.answer(404, {})


@behaviour
def cut_busy(peer: Peer, request: Request) -> object:
    if peer.server.asked[request.target] == 1:
        return _cut(peer, request, STRONG)
    if peer.server.asked[request.target] == 2:
        return peer.answer(503, {})
    return file(peer, request)


@behaviour
def cut_ignores(peer: Peer, request: Request) -> object:
    if peer.server.asked[request.target] == 1:
        return _cut(peer, request, STRONG)
    return peer.answer(200, STRONG, content(int(request.path[1])))


@behaviour
def cut_by_parts(peer: Peer, request: Request) -> object:
    """No answer brings more than ``path[2]`` bytes, whatever it announces."""
    data, begins = content(int(request.path[1])), request.begins or 0
    told = {"Content-Range": f"bytes {begins}-{len(data) - 1}/{len(data)}"} if begins else {}
    peer.head(206 if begins else 200, {"Content-Length": str(len(data) - begins), **STRONG, **told})
    peer.send(data[begins : begins + int(request.path[2])])
    return CLOSE


@behaviour
def chunked_no_end(peer: Peer, request: Request) -> object:
    """All of the content, and the connection is closed before the last chunk says so."""
    if peer.server.asked[request.target] > 1:
        return file(peer, request)
    peer.head(200, {"Transfer-Encoding": "chunked", **STRONG})
    peer.chunk(content(int(request.path[1])))
    return CLOSE


# Those that lie.


@behaviour
def short(peer: Peer, request: Request) -> object:
    size = int(request.path[1])
    peer.head(200, {"Content-Length": str(size + 10)})
    peer.send(content(size))
    return CLOSE


@behaviour
def long(peer: Peer, request: Request) -> None:
    size = int(request.path[1])
    peer.head(200, {"Content-Length": str(size)})
    peer.send(content(size) + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")


@behaviour
def length(peer: Peer, request: Request) -> object:
    """Whatever lengths the path says, one header each."""
    peer.head(200, {"Content-Length": [unquote(one) for one in request.path[1:]]})
    peer.send(content(1_000))
    return CLOSE


@behaviour
def headers(peer: Peer, request: Request) -> object:
    """Ten bytes under the headers that the query says."""
    peer.head(200, dict(request.query))
    peer.send(content(10))
    return CLOSE


@behaviour
def both_framings(peer: Peer, request: Request) -> None:
    peer.head(200, {"Content-Length": "3", "Transfer-Encoding": "chunked"})
    peer.chunk(content(1_000))
    peer.send(b"0\r\n\r\n")


# Codings.


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
def coded(peer: Peer, request: Request) -> None:
    coding, encode = CODED[request.path[1]]
    body = encode(content(int(request.path[2])))
    peer.answer(200, {"Content-Encoding": coding, **STRONG}, body)


@lru_cache(maxsize=4)
def _bomb(size: int) -> bytes:
    made = zlib.compressobj(9, wbits=31)
    pieces = [made.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)]
    return b"".join([*pieces, made.flush()])


@behaviour
def bomb(peer: Peer, request: Request) -> None:
    peer.answer(200, {"Content-Encoding": "gzip"}, _bomb(int(request.path[1])))


# Those that take their time.


@behaviour
def silent(peer: Peer, request: Request) -> None:
    peer.hang()


@behaviour
def silent_body(peer: Peer, request: Request) -> None:
    """A million bytes, at first only some."""
    if peer.server.asked[request.target] > 1:
        serve_ranges(peer, request, content(1_000_000), STRONG)
        return
    peer.head(200, {"Content-Length": "1000000", **STRONG})
    peer.send(content(1_000_000)[: int(request.path[1])])
    peer.hang()


@behaviour
def slow(peer: Peer, request: Request) -> None:
    peer.head(200, {"Content-Length": "100000000"})
    peer.drip(b"x")


@behaviour
def slow_until_close(peer: Peer, request: Request) -> None:
    peer.head(200, {})
    peer.drip(b"x")


@behaviour
def slow_headers(peer: Peer, request: Request) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    peer.drip(b"x")


@behaviour
def hundreds(peer: Peer, request: Request) -> None:
    peer.drip(b"HTTP/1.1 100 Continue\r\n\r\n", 0.001)


@behaviour
def trailers(peer: Peer, request: Request) -> None:
    peer.head(200, {"Transfer-Encoding": "chunked"})
    peer.chunk(content(100))
    peer.send(b"0\r\n")
    peer.drip(b"X-More: 1\r\n", 0.001)


# Those that are no web servers.


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
def raw(peer: Peer, request: Request) -> object:
    peer.send(RAW[request.path[1]])
    return CLOSE


# Statuses and redirects.


@behaviour
def status(peer: Peer, request: Request) -> None:
    after = request.query.get("after")
    peer.answer(int(request.path[1]), {"Retry-After": after} if after else {}, b"a page")


@behaviour
def busy_once(peer: Peer, request: Request) -> None:
    if peer.server.asked[request.target] == 1:
        peer.answer(503, {"Retry-After": "7"})
    else:
        peer.answer(200, {}, content(int(request.path[1])))


@behaviour
def redirect(peer: Peer, request: Request) -> None:
    code = int(request.path[1]) if len(request.path) > 1 else 302
    peer.answer(code, {"Location": request.query["to"]} if request.query else {})


@behaviour
def locations(peer: Peer, request: Request) -> None:
    peer.answer(302, {"Location": ["/file/1", "/file/2"]})


@behaviour
def circle(peer: Peer, request: Request) -> None:
    peer.answer(302, {"Location": "/circle"})


@behaviour
def hops(peer: Peer, request: Request) -> None:
    left = int(request.path[1])
    peer.answer(302, {"Location": f"/hops/{left - 1}" if left > 1 else "../file/1000"})


# Connections that are kept, but not long.


@behaviour
def closes_later(peer: Peer, request: Request) -> object:
    """Answer the first request of a connection, and none after it."""
    if peer.answered:
        return CLOSE
    return peer.answer(200, {}, content(int(request.path[1])))
