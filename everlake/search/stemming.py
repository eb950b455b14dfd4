"""Stems of words, as the full-text index compares them."""

import threading
import unicodedata
from functools import lru_cache
from typing import Any

from snowballstemmer.english_stemmer import EnglishStemmer  # pyright: ignore[reportMissingTypeStubs]

_CACHED_WORDS = 65_536
_MAX_STEMMED_LENGTH = 40
"""Characters of a word that is stemmed at most; the index has no longer words."""

_thread = threading.local()
"""A stemmer has state, and searches run in several threads."""


@lru_cache(maxsize=_CACHED_WORDS)
def stem(word: str) -> str:
    """Return the English Snowball stem of a word, in lower case and without accents.

    Accents are removed after stemming, as in the index: ``clichéd`` is not a form of ``cliche``.
    """
    lower = word.lower()
    return fold(_stem_word(lower) if len(lower) <= _MAX_STEMMED_LENGTH else lower)


def fold(text: str) -> str:
    """Return ``text`` in lower case and without accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.lower())
    return "".join(char for char in parts if not unicodedata.combining(char))


def _stem_word(word: str) -> str:
    stemmer: Any = getattr(_thread, "stemmer", None)
    if stemmer is None:
        stemmer = _thread.stemmer = EnglishStemmer()
    return stemmer.stemWord(word)
