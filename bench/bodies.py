"""Request bodies of plausible records: the same for the same numbers, all of them different.

Words come from a vocabulary of 20,000 with the frequencies of natural language (Zipf's law), so
that bodies compress as prose does and a full-text index has common words and rare ones.
"""

import random
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

PRODUCT = "prod-1"
PROJECT = "proj-1"
VOCABULARY = 20_000
RECORDS = 1_000
"""Records in a body: the contract's most."""

_COMMON = [
    "the",
    "to",
    "and",
    "of",
    "a",
    "in",
    "is",
    "it",
    "you",
    "that",
    "we",
    "for",
    "on",
    "with",
    "this",
    "be",
    "have",
    "are",
    "not",
    "as",
    "at",
    "but",
    "or",
    "from",
    "can",
    "they",
    "our",
    "if",
    "will",
    "your",
    "has",
    "was",
    "there",
    "when",
    "all",
    "what",
    "which",
    "about",
    "so",
    "no",
    "one",
    "more",
    "would",
    "by",
    "do",
    "an",
    "just",
    "like",
    "export",
    "report",
    "account",
    "invoice",
    "customer",
    "button",
    "page",
    "error",
    "time",
    "team",
    "please",
    "help",
    "thanks",
    "billing",
]
_STARTS = [
    "b",
    "br",
    "c",
    "ch",
    "cl",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "pr",
    "qu",
    "r",
    "s",
    "sc",
    "sl",
    "st",
    "t",
    "tr",
    "v",
    "w",
]
_MIDDLES = ["a", "ai", "e", "ea", "ee", "i", "o", "oa", "oo", "ou", "u"]
_ENDS = [
    "b",
    "ck",
    "d",
    "ft",
    "g",
    "l",
    "ld",
    "ll",
    "m",
    "mp",
    "n",
    "nd",
    "ng",
    "nt",
    "p",
    "r",
    "rd",
    "rk",
    "rt",
    "s",
    "sh",
    "st",
    "t",
    "th",
    "x",
]
_ENVELOPE_BYTES = 405
_JSON = msgspec.json.Encoder()


@cache
def words() -> tuple[str, ...]:
    """The vocabulary, the most frequent word first."""
    source = random.Random(20_000)
    found = dict.fromkeys(_COMMON)
    while len(found) < VOCABULARY:
        parts = [
            source.choice(_STARTS) + source.choice(_MIDDLES) + source.choice(_ENDS)
            for _ in range(source.choices((1, 2, 3), (2, 6, 2))[0])
        ]
        found["".join(parts)] = None
    return tuple(found)


class Prose:
    """Texts of words by their frequency; the same ``seed`` gives the same texts."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def texts(self, count: int, size: int) -> list[str]:
        """``count`` texts of ``size`` characters."""
        each = size // 4 + 2  # no word is shorter than a letter and its space; most are longer
        drawn = _shares().searchsorted(self._random.random(count * each))
        chosen = np.array(words(), dtype=object)[drawn].tolist()
        lines = (" ".join(chosen[at : at + each]) for at in range(0, len(chosen), each))
        return [line[:size] for line in lines]


def records(first: int, count: int, size: int) -> list[dict[str, Any]]:
    """Records of about ``size`` bytes; ``first`` and on are their identities."""
    texts = Prose(first).texts(count, max(20, size - _ENVELOPE_BYTES))
    return [_record(first + number, text) for number, text in enumerate(texts)]


def _record(number: int, text: str) -> dict[str, Any]:
    return {
        "_type": "message",
        "_schema_version": "1.0.0",
        "_event_at": "2026-03-01T10:00:00Z",
        "_vendor_ids": {"message_id": f"m-{number:012d}"},
        "_product_id": PRODUCT,
        "_project_ids": [PROJECT],
        "_thread_id": f"thread-{number % 977}",
        "_participants": [
            {"id": f"u{number % 101}", "role": "external", "name": "Ada Nilsson"},
            {"id": "a1", "role": "internal", "name": "Sam", "email": "sam@example.com"},
        ],
        "_tags": ["billing", "eu"],
        "data": {"from": "Ada Nilsson", "text": text},
    }


def json_body(some: list[dict[str, Any]]) -> bytes:
    """A JSON array of records."""
    return _JSON.encode(some)


def ndjson_body(some: list[dict[str, Any]]) -> bytes:
    """One record a line."""
    return _JSON.encode_lines(some)


def upsert_rows(some: list[dict[str, Any]], *, as_text: bool) -> list[dict[str, Any]]:
    """The same records as rows of a table with an ``id``: a column a member of the envelope.

    Args:
        as_text: members that are objects or lists as JSON text; else as they are, so that the
            other side has the writing to do.
    """
    rows: list[dict[str, Any]] = []
    for record in some:
        row: dict[str, Any] = {"id": record["_vendor_ids"]["message_id"]}
        for name, value in record.items():
            plain = isinstance(value, str) or not as_text
            row[name.removeprefix("_")] = value if plain else _JSON.encode(value).decode()
        rows.append(row)
    return rows


def upsert_body(some: list[dict[str, Any]], *, as_text: bool) -> bytes:
    """The same records as Datasette's upsert takes them."""
    return _JSON.encode({"rows": upsert_rows(some, as_text=as_text), "return": False})


def write_bodies(
    folder: Path, form: str, size: int, count: int, *, records_each: int = RECORDS
) -> list[Path]:
    """Files of ``count`` bodies of ``records_each`` records; those that are there are kept.

    Args:
        form: ``json``, ``ndjson``, ``rows`` (as Datasette takes them) or ``rows-text``.
    """
    encoders = {
        "json": json_body,
        "ndjson": ndjson_body,
        "rows": lambda some: upsert_body(some, as_text=False),
        "rows-text": lambda some: upsert_body(some, as_text=True),
    }
    files: list[Path] = []
    for number in range(count):
        file = folder / f"{form}-{size}-{records_each}-{number}"
        if not file.exists():
            some = records(number * records_each, records_each, size)
            file.write_bytes(encoders[form](some))
        files.append(file)
    return files


@cache
def _shares() -> Any:
    weights = 1.0 / np.arange(1, VOCABULARY + 1)
    return np.cumsum(weights / weights.sum())
