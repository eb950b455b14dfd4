"""Result of a speech recogniser: alternatives, of which the first counts, and its notations.

Alternatives are ``alternatives`` (Google, Deepgram) or ``nBest`` (Azure). Notations of one text
are Azure's ``lexical``, ``itn`` and ``maskedITN`` beside ``display``. Amazon Transcribe names the
speakers of ``items`` in ``speaker_labels``.
"""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import normalize_name
from everlake.analysis.types import PendingValue, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_ALTERNATIVES = frozenset({"alternatives", "nbest", "hypotheses"})
_RECOGNISED = frozenset({"transcript", "display", "lexical", "words", "confidence", "utterance"})
_NOTATIONS = frozenset({"lexical", "itn", "maskeditn"})
_TEXT_NAMES = frozenset({"transcript", "text", "display"})


def read(
    builder: UtteranceBuilder,  # noqa: ARG001 - the signature of all object shapes
    name: str,
    item: dict[str, Json],
    scope: Scope,
) -> Remaining | None:
    """Convert a recogniser's result to an object with one text, for others to read."""
    result = _first_alternative(item) or _one_notation(item) or _labelled_items(item)
    return None if result is None else [PendingValue(name, result, scope)]


def _first_alternative(item: dict[str, Json]) -> dict[str, Json] | None:
    """Return the object with the members of its first alternative instead of all of them."""
    for name, value in item.items():
        if (
            normalize_name(name) in _ALTERNATIVES
            and isinstance(value, list)
            and value
            and isinstance(first := value[0], dict)
            and all(map(_is_alternative, value))
        ):
            others = {key: other for key, other in item.items() if key != name}
            return {**others, **first}
    return None


def _is_alternative(value: Json) -> bool:
    return isinstance(value, dict) and not _RECOGNISED.isdisjoint(map(normalize_name, value))


def _one_notation(item: dict[str, Json]) -> dict[str, Json] | None:
    names = {normalize_name(name): name for name in item}
    if _NOTATIONS.isdisjoint(names) or _TEXT_NAMES.isdisjoint(names):
        return None
    result = {name: value for key, name in names.items() if key not in _NOTATIONS
              for value in (item[name],)}  # fmt: skip
    if "display" in names and "text" not in names:
        result["text"] = result.pop(names["display"])
    return result


def _labelled_items(item: dict[str, Json]) -> dict[str, Json] | None:
    """Return the object with the speaker labels of Amazon Transcribe at its words."""
    labels, words = item.get("speaker_labels"), item.get("items")
    if not isinstance(labels, dict) or not isinstance(words, list):
        return None
    speakers: dict[str, Json] = {}
    segments = labels.get("segments")
    for segment in segments if isinstance(segments, list) else ():
        inner = segment.get("items") if isinstance(segment, dict) else None
        for word in inner if isinstance(inner, list) else ():
            if isinstance(word, dict) and isinstance(start := word.get("start_time"), str):
                speakers[start] = word.get("speaker_label")
    labelled: list[Json] = []
    for word in words:
        start = word.get("start_time") if isinstance(word, dict) else None
        if isinstance(word, dict) and isinstance(start, str) and start in speakers:
            labelled.append({"speaker_label": speakers[start], **word})
        else:
            labelled.append(word)
    others = {key: value for key, value in item.items() if key != "speaker_labels"}
    return {**others, "items": labelled}
