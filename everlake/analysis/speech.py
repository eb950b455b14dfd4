"""Speech: whether the texts behind the labels of a list are what people say to each other."""

import re
from collections.abc import Iterable

from everlake.analysis.member_names import word_list

_MIN_WORDS = 4
_CONVERSATIONAL = frozenset(
    word_list(
        "hi hello hey yo good morning thanks thank thx yes yeah yep no nope ok okay sure sorry "
        "please welcome bye great cool nice i i'm we you my "
        "hallo moin servus guten danke ja nein bitte gerne klar tschüss super ich wir "
        "bonjour salut merci oui non bonsoir je "
        "hola buenos buenas gracias sí si adiós vale ciao buongiorno grazie sì no prego salve "
        "olá oi bom boa obrigado obrigada sim não dag hoi goedemorgen bedankt dank nee "
        "hej hei moi terve tack takk tak kiitos god cześć hej dzień dziękuję tak nie "
        "ahoj dobrý děkuji ano ne szia köszönöm igen merhaba selam teşekkürler evet hay\u0131r "
        "salut bună mulțumesc da nu bok hvala halo terima"
    )
)
"""First words of the short things that people say."""
_WORD = re.compile(r"[^\W_][\w'\u2019]*")
_MARK = re.compile(r"[.!?\u2026]['\")\u201d\u00bb]?(?:\s|\Z)|[^\W\d_],\s")
_LETTER = re.compile(r"[^\W\d_]")
_MAX_LENGTH = 400


def is_speech(texts: Iterable[str]) -> bool:
    """Return whether at least one of the texts is something that is said.

    Such is a text with punctuation, or of at least four words, or one that begins with a greeting,
    thanks, yes or no. A list of prices, scores, translations or readings has none.
    """
    return any(_is_said(text[:_MAX_LENGTH]) for text in texts)


def _is_said(text: str) -> bool:
    letter = _LETTER.search(text)
    if letter is None:
        return False
    if not (letter[0].isupper() or letter[0].islower()):
        return True  # A script without capitals has other punctuation, and perhaps no spaces.
    words = _WORD.findall(text)
    if len(words) >= _MIN_WORDS and 2 * sum(word.isalpha() for word in words) > len(words):
        return True
    return _MARK.search(text) is not None or words[0].casefold() in _CONVERSATIONAL
