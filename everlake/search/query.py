"""Search queries: free text as words and phrases.

There is no query syntax, so that no text is a syntax error.
"""

import re

from everlake.contract.limits import MAX_QUERY_LENGTH
from everlake.model.utterances import TextQuery

_PHRASE = re.compile(r'["“”„]([^"“”„]*)["“”„]')
WORD_PATTERN = re.compile(r"[^\W_]+")


def parse_query(text: str) -> TextQuery:
    """Parse free text with ``"exact phrases"``; a single quotation mark has no meaning.

    Raises:
        ValueError: the text is too long, is not valid Unicode, or has no letter or digit.
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
    """Return the words of ``text``, as the index splits them."""
    return WORD_PATTERN.findall(text)
