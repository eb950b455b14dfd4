"""Full text in the engine's terms: how it is indexed, and asked for."""

from collections.abc import Mapping
from typing import Any

from lance.query import BooleanQuery, MatchQuery, Occur, PhraseQuery

from everlake.model.records import TextQuery

INDEX_OPTIONS: Mapping[str, Any] = {
    "base_tokenizer": "icu/split",
    "language": "English",
    "lower_case": True,
    "ascii_folding": True,
    "stem": True,
    "remove_stop_words": False,
    "with_position": True,
}


def to_lance_query(query: TextQuery) -> MatchQuery | BooleanQuery:
    if not query.phrases:
        return MatchQuery(query.words, "text")
    parts: list[Any] = [(Occur.MUST, PhraseQuery(phrase, "text")) for phrase in query.phrases]
    if query.words:
        parts.append((Occur.SHOULD, MatchQuery(query.words, "text")))
    return BooleanQuery(parts)
