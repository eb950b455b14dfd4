"""Joining of words and lines to running text."""

import re
from collections.abc import Iterable

_UNSPACED_SCRIPT = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff\uff00-\uffef]"
)
_CLOSING = frozenset(".,;:!?%)]}\u2026\u3001\u3002\uff0c\uff1f\uff01\u060c\u061f\u06d4\u0964\u00bb")
_OPENING = frozenset("([{\u00bf\u00a1\u00ab\u201e")


def join_words(words: Iterable[str]) -> str:
    """Join recognised words to a sentence.

    Closing punctuation that is a word of its own is attached to the word before it, opening
    punctuation to the one after it, and scripts that do not separate words get no spaces. Words
    that carry their spaces keep them.
    """
    parts: list[str] = []
    last = ""
    for word in words:
        if not word:
            continue
        if last and _needs_space(last, word):
            parts.append(" ")
        parts.append(word)
        last = word
    return "".join(parts).strip()


def _needs_space(last: str, word: str) -> bool:
    end, start = last[-1], word[0]
    if end.isspace() or start.isspace():
        return False
    if start in _CLOSING and not any(map(str.isalnum, word)):
        return False
    if end in _OPENING and not any(map(str.isalnum, last)):
        return False
    return not (_UNSPACED_SCRIPT.match(end) and _UNSPACED_SCRIPT.match(start))
