"""What a person types, as words and phrases. There is no syntax to get wrong."""

import re

from everlake.model.utterances import TextQuery

MAX_QUERY_LENGTH = 1_000

_PHRASE = re.compile(r'["“”„]([^"“”„]*)["“”„]')
_WORD = re.compile(r"[^\W_]+")


def parse_query(text: str) -> TextQuery:
    """Free text with ``"exact phrases"``; a lone quote is nothing special.

    Raises:
        ValueError: too long, not valid Unicode, or without a letter or digit to look for.
    """
    if len(text) > MAX_QUERY_LENGTH:
        raise ValueError(f"A query has at most {MAX_QUERY_LENGTH:,} characters.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("A query must be valid Unicode.") from None
    phrases = dict.fromkeys(" ".join(split_words(phrase)) for phrase in _PHRASE.findall(text))
    rest = " ".join(split_words(_PHRASE.sub(" ", text)))
    found = tuple(phrase for phrase in phrases if phrase)
    if not rest and not found:
        raise ValueError("A query needs a word to look for: at least one letter or digit.")
    return TextQuery(words=rest, phrases=found)


def split_words(text: str) -> list[str]:
    """The words of ``text``, as the index splits them."""
    return _WORD.findall(text)
