"""Full-text index options and queries in Lance's terms."""

from collections.abc import Mapping
from typing import Any

from lance.query import BooleanQuery, MatchQuery, Occur, PhraseQuery

from everlake.model.utterances import TextQuery

INDEX_OPTIONS: Mapping[str, Any] = {
    "base_tokenizer": "icu/split",
    "language": "English",
    "lower_case": True,
    "ascii_folding": True,
    "stem": True,
    "remove_stop_words": False,
    "with_position": True,
}


def to_lance_query(query: TextQuery, column: str) -> MatchQuery | BooleanQuery:
    """Return the query on ``column``: every phrase is required, words only add to the score.

    Without phrases, one of the words is required.
    """
    if not query.phrases:
        return MatchQuery(query.words, column)
    parts: list[Any] = [(Occur.MUST, PhraseQuery(phrase, column)) for phrase in query.phrases]
    if query.words:
        parts.append((Occur.SHOULD, MatchQuery(query.words, column)))
    return BooleanQuery(parts)
