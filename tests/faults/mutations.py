"""Requests with something wrong, or something odd, in them: made by the thousand from a seed.

Each begins as a right request. Then values, members, records, bytes, encodings and headers are
changed, a few at a time, so that most of a request is right and what is wrong lies deep. Names
and values are pieces of text, so that what is not JSON can stand where a value should.
"""

import gzip
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import zstandard

from tests.faults.odd_values import NAMES, ODD, RIGHT, nested

Members: TypeAlias = list[tuple[bytes, bytes]]
"""Names and values of an object, as they stand in its text; a name may be there twice."""

JSON = "application/json"
NDJSON = "application/x-ndjson"

_SPACES = (b"", b"", b"", b"", b" ", b"\n", b"\r\n", b"\t ")
_ALWAYS = (b"_schema_version", b"_event_at", b"_product_id", b"_project_ids", b"data")
_SOMETIMES = [name for name in RIGHT if name not in {*_ALWAYS, b"_type"}]
_BOMB_BYTES = 6 * 1024 * 1024
_CONTENT_TYPES = (
    *("application/json; charset=utf-8", "APPLICATION/JSON", 'application/x-ndjson;charset="UTF8"'),
    *("application/json; charset=latin-1", "application/json;;", "application/jsonl", "text/plain"),
    *("", ";", "application/json, application/x-ndjson", "multipart/form-data; boundary=x", "é"),
)
_ENCODINGS = ("identity", "", "deflate", "br", "gzip, gzip", "GZIP", "x-gzip", "zstd;q=1", "utf-8")
_QUERIES = (
    *("?dry_run=true", "?dry_run=false", "?dry_run=1", "?dry_run=", "?dry_run=true&dry_run=false"),
    *("?format=text", "?format=odt", "?format=", "?format=%00", "?x=%ff%fe", "?=&&==", "?%"),
)


class Sent(NamedTuple):
    """A request to the ingest endpoint.

    Args:
        body: as it goes over the wire.
        headers: all but the length.
        query: with its question mark, or empty.
        chunks: how many bytes each chunk has, where the body goes in chunks.
        plain: the body before it was encoded; None where its encoding is wrong.
        data: the texts of ``data`` of its records, where nothing in it was changed.
    """

    body: bytes
    headers: dict[str, str]
    query: str
    chunks: Sequence[int] | None
    plain: bytes | None
    data: list[bytes] | None


class Mutator:
    """Makes requests, the same ones for the same seed."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)
        self._seed = seed
        self._made = 0

    def requests(self, count: int) -> Iterator[Sent]:
        """Yield ``count`` requests."""
        for _ in range(count):
            yield self._request()

    def _request(self) -> Sent:
        chance = self._chance
        record_type = chance.choice(RIGHT[b"_type"])
        records = [self._right(record_type) for _ in range(chance.choice((1, 1, 1, 2, 3, 8)))]
        kind = chance.choices(("nothing", "values", "shape", "bytes"), (1, 5, 2, 4))[0]
        if kind == "values":
            for _ in range(chance.choice((1, 1, 2, 5))):
                self._change_record(chance.choice(records))
        media = chance.choice((JSON, JSON, NDJSON))
        if media == NDJSON:  # a line break in a value would end the line
            records = [[(n, v.replace(b"\n", b" ")) for n, v in record] for record in records]
        texts = [self._object(record, media) for record in records]
        plain = self._wrapped(texts, media) if kind != "shape" else self._shape(texts)
        if kind == "bytes":
            for _ in range(chance.choice((1, 1, 2, 4, 16))):
                plain = self._change_bytes(plain)
        headers = {"content-type": media}
        body, known = plain, True
        if chance.random() < 0.15:
            body, known = self._encode(plain, headers)
        if chance.random() < 0.08:
            known = self._change_headers(headers) and known
        return Sent(
            body=body,
            headers=headers,
            query=chance.choice(_QUERIES) if chance.random() < 0.05 else "",
            chunks=self._chunks(len(body)) if chance.random() < 0.1 else None,
            plain=plain if known else None,
            data=[dict(one)[b'"data"'] for one in records] if kind == "nothing" else None,
        )

    def _right(self, record_type: bytes) -> Members:
        chance = self._chance
        self._made += 1
        members = [(name, chance.choice(RIGHT[name])) for name in _ALWAYS]
        members += [
            (name, chance.choice(RIGHT[name])) for name in _SOMETIMES if chance.random() < 0.2
        ]
        members.append((b"_type", record_type))
        members.append((b"_vendor_ids", b'{"id":"%s/%d"}' % (self._seed.encode(), self._made)))
        chance.shuffle(members)
        return [(b'"%s"' % name, value) for name, value in members]

    def _change_record(self, members: Members) -> None:
        chance = self._chance
        action = chance.choices(
            ("value", "another's", "piece", "drop", "double", "rename", "add"),
            (8, 3, 3, 2, 1, 1, 2),
        )[0]
        if action == "add" or not members:
            members.append((chance.choice(NAMES), chance.choice(ODD)))
            return
        place = chance.randrange(len(members))
        name, value = members.pop(place)
        if action == "value":
            value = chance.choice(ODD)
        elif action == "another's":
            value = chance.choice(RIGHT[chance.choice([*RIGHT])])
        elif action == "piece":
            value = self._change_piece(value)
        elif action == "rename":
            name = chance.choice(NAMES)
        elif action == "double":
            members.append((name, chance.choice(ODD)))
        if action != "drop":
            members.insert(place, (name, value))

    def _change_piece(self, value: bytes) -> bytes:
        """Put something odd after one of the colons and commas of a value."""
        mark = self._chance.choice((b":", b","))
        parts = value.split(mark)
        place = self._chance.randrange(len(parts))
        end = parts[place].rstrip(b"]}")
        parts[place] = self._chance.choice(ODD) + parts[place][len(end) :]
        return mark.join(parts)

    def _object(self, members: Members, media: str) -> bytes:
        spaces = _SPACES if media == JSON else (b"", b" ", b"\r")
        space = self._chance.choice(spaces)
        return b"{%s}" % (b"," + space).join(b"%s%s:%s" % (n, space, v) for n, v in members)

    def _wrapped(self, texts: Sequence[bytes], media: str) -> bytes:
        chance = self._chance
        if media == NDJSON:
            between = chance.choice((b"\n", b"\r\n", b"\n\n \n"))
            return between.join(texts) + chance.choice((b"", b"\n"))
        if len(texts) == 1 and chance.random() < 0.5:
            return chance.choice((b"", b" ", b"\r\n")) + texts[0]
        array = b"[%s]" % chance.choice((b",", b" ,\n")).join(texts)
        return array if chance.random() < 0.7 else b'{ "records" : %s }' % array

    def _shape(self, texts: list[bytes]) -> bytes:
        """Misplace records, or separate them wrongly."""
        chance = self._chance
        one, other = texts[0], chance.choice(ODD)
        array = b",".join(texts)
        return chance.choice(
            (
                b"",
                b" \n\r\n ",
                other,
                b"[]",
                b"{}",
                b"[%s,%s]" % (array, other),
                b"[%s,%s]" % (other, array),
                b"[[%s]]" % array,
                b"[%s" % array,
                b"%s]" % array,
                b"[%s,]" % array,
                b"[%s][%s]" % (array, array),
                array,
                b"\n".join([*texts, other, one]),
                b"\r".join(texts),
                b"\n".join([b"[%s]" % array] * 2),
                b'{"records":%s}' % one,
                b'{"records":%s}' % other,
                b'{"records":[%s],%s:%s}' % (array, chance.choice(NAMES), other),
                b'{"records":[%s],"records":[%s]}' % (array, other),
                b'{"records":{"records":[%s]}}' % array,
                b"[%s]" % b",".join([b"{}"] * chance.choice((20, 1_000, 1_001))),
                nested(chance.choice((1, 800, 900, 1_000, 5_000)), array),
                b"\xef\xbb\xbf[%s]" % array,
                (b"[%s]" % array).decode(errors="replace").encode("utf-16"),
                b"[%s]" % array.replace(b'"evidence"', chance.choice(ODD), 1),
                b"[%s]" % array.replace(b'"prod-1"', chance.choice((b'"prod-2"', b"7")), 1),
            )
        )

    def _change_bytes(self, body: bytes) -> bytes:
        """Insert, delete, flip or copy bytes."""
        chance = self._chance
        start = chance.randrange(len(body) + 1)
        end = min(len(body), start + chance.choice((1, 1, 2, 8, 64, 4_096)))
        action = chance.randrange(6)
        if action == 0:
            return body[:start] + chance.randbytes(chance.choice((1, 1, 4, 32))) + body[start:]
        if action == 1:
            return body[:start] + body[end:]
        if action == 2 and start < len(body):
            turned = body[start] ^ (1 << chance.randrange(8))
            return body[:start] + bytes([turned]) + body[start + 1 :]
        if action == 3:
            return (
                body[:start]
                + chance.choice((b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\n", b"\0"))
                + body[start:]
            )
        if action == 4:
            place = chance.randrange(len(body) + 1)
            return body[:place] + body[start:end] + body[place:]
        return (
            body[:start]
            if chance.random() < 0.3
            else body[:start] + chance.choice(ODD) + body[end:]
        )

    def _encode(self, plain: bytes, headers: dict[str, str]) -> tuple[bytes, bool]:
        """The body as the encoding of a new header has it, and whether it is right."""
        chance = self._chance
        name = headers["content-encoding"] = chance.choice(("gzip", "zstd"))
        packed = (
            gzip.compress(plain, 1, mtime=0) if name == "gzip" else zstandard.compress(plain, 1)
        )
        half = len(plain) // 2
        action = chance.choices(
            ("right", "bytes", "plain", "other", "parts", "bomb", "cut"), (5, 3, 1, 1, 2, 0.1, 1)
        )[0]
        if action == "right":
            return packed, True
        if action == "parts":  # both formats may have several, one after the other
            parts = (plain[:half], b"", plain[half:])
            return b"".join(_packed(name, part) for part in parts), True
        if action == "bytes":
            return self._change_bytes(packed), False
        if action == "plain":
            return plain, False
        if action == "bomb":
            return _packed(name, bytes(_BOMB_BYTES)), False
        if action == "cut":
            return packed[: chance.randrange(len(packed))], False
        headers["content-encoding"] = chance.choice(_ENCODINGS)
        return packed, False

    def _change_headers(self, headers: dict[str, str]) -> bool:
        """Change a header; whether the body is still what its headers say, for sure."""
        chance = self._chance
        action = chance.randrange(4)
        if action == 0:
            headers["content-type"] = chance.choice(_CONTENT_TYPES)
        elif action == 1:
            del headers["content-type"]
        elif action == 2:
            headers["content-encoding"] = chance.choice(_ENCODINGS)
        else:
            length = chance.choice((0, 1, 20, 256, 257, 5_000))
            headers["idempotency-key"] = f"{self._seed}/{self._made}".ljust(length, "k")[:length]
            return True
        return False

    def _chunks(self, length: int) -> list[int]:
        chance = self._chance
        sizes: list[int] = []
        while length > sum(sizes):
            most = min(length - sum(sizes), chance.choice((1, 7, 1_000, 100_000)))
            sizes.append(most if len(sizes) < 50 else length - sum(sizes))
        return sizes


def _packed(encoding: str, plain: bytes) -> bytes:
    if encoding == "gzip":
        return gzip.compress(plain, 1, mtime=0)
    return zstandard.compress(plain, 1)
