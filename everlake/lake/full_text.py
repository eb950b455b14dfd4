"""Full text in the engine's terms: how it is indexed, and asked for."""

from collections.abc import Mapping
from typing import Any

from lance.query import BooleanQuery, MatchQuery, Occur, PhraseQuery

from everlake.lake.rows import TextQuery

INDEX: Mapping[str, Any] = {
    "base_tokenizer": "icu/split",
    "language": "English",
    "lower_case": True,
    "ascii_folding": True,
    "stem": True,
    "remove_stop_words": False,
    "with_position": True,
}


def query(asked: TextQuery) -> MatchQuery | BooleanQuery:
    if not asked.phrases:
        return MatchQuery(asked.words, "text")
    parts: list[Any] = [(Occur.MUST, PhraseQuery(phrase, "text")) for phrase in asked.phrases]
    if asked.words:
        parts.append((Occur.SHOULD, MatchQuery(asked.words, "text")))
    return BooleanQuery(parts)
