"""A list of single words, as recognisers give them beside the sentence they form."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.utterance_builder import Remaining, Scope, UtteranceBuilder

_MIN_WORDS = 4
_NAMES = ("punctuated_word", "word", "text", "value", "token")


def read(reading: UtteranceBuilder, name: str, items: list[Json], scope: Scope) -> Remaining | None:  # noqa: ARG001
    """Read ``items`` as one text if each is an object with one word and its timing."""
    if len(items) < _MIN_WORDS or scope.doubtful:
        return None
    said: list[str] = []
    for item in items:
        if not isinstance(item, dict) or not ("start" in item or "start_time" in item):
            return None
        word = next((x for key in _NAMES if isinstance(x := item.get(key), str)), None)
        if word is None or " " in word.strip() or len(word) > 80:
            return None
        said.append(word)
    text = " ".join(said)
    if scope.cover is not None:
        text = scope.cover.uncovered_lines(text)
    reading.add_tentative(lambda: reading.add(text))
    return ()
