"""List of single words with their times, as speech recognisers emit beside the sentence."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.types import Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_MIN_WORDS = 4
_NAMES = ("punctuated_word", "word", "text", "value", "token")


def read(
    builder: UtteranceBuilder,
    name: str,  # noqa: ARG001 - the signature of all list shapes
    items: list[Json],
    scope: Scope,
) -> Remaining | None:
    """Read a list of objects with one word and its time each, as one text."""
    if len(items) < _MIN_WORDS or scope.is_metadata:
        return None
    words: list[str] = []
    for item in items:
        if not isinstance(item, dict) or not ("start" in item or "start_time" in item):
            return None
        word = next((value for key in _NAMES if isinstance(value := item.get(key), str)), None)
        if word is None or " " in word.strip() or len(word) > 80:
            return None
        words.append(word)
    text = " ".join(words)
    if scope.coverage is not None:
        text = scope.coverage.uncovered_lines(text)
    builder.add_tentative(lambda: builder.add(text))
    return ()
