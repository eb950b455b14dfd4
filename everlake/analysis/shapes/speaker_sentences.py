"""A speaker with a list of sentences: Gong's transcripts, Rev's elements.

``{"speakerId": "…", "sentences": [{"start": 0, "end": 1200, "text": "…"}]}``
"""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.prose import MAX_TEXT
from everlake.analysis.shapes.member_groups import MemberGroups
from everlake.analysis.utterance_builder import (
    UNATTRIBUTED,
    PendingValue,
    Remaining,
    Scope,
    UtteranceBuilder,
)

_LISTS = ("sentences", "elements", "segments", "utterances", "lines", "phrases", "words")


def read(
    reading: UtteranceBuilder, name: str, item: dict[str, Json], scope: Scope
) -> Remaining | None:  # noqa: ARG001
    """Read ``item`` if somebody in it says a list of things."""
    key = next((key for key in _LISTS if key in item), None)
    sentences = item[key] if key else None
    if not isinstance(sentences, list) or not sentences or scope.doubtful:
        return None
    texts = [text for sentence in sentences if (text := _text(sentence)) is not None]
    found = MemberGroups(reading, item, scope)
    voice = found.attribution(reading, 0, scope)
    if len(texts) < len(sentences) or voice.speaker is None:
        return None
    for headline in found.headlines:
        reading.add_title(headline, UNATTRIBUTED)
    # elements that bring their own punctuation bring their own spaces
    glue = "" if any(isinstance(x, dict) and x.get("type") == "punct" for x in sentences) else " "
    said: list[str] = []
    size = 0
    for sentence, text in zip(sentences, texts, strict=True):
        if said and size + len(text) >= MAX_TEXT:
            reading.add(glue.join(said), voice)
            said, size = [], 0
        if not said and isinstance(sentence, dict):
            moment = (
                MemberGroups(reading, sentence, scope)
                .attribution(reading, len(text), scope)
                .said_at
            )
            voice = voice._replace(said_at=moment)
        said.append(text)
        size += len(text) + 1
    reading.add(glue.join(said), voice)
    return [
        PendingValue(name, value, scope._replace(doubtful=doubtful))
        for name, value, doubtful in found.rest
        if name != key
    ]


def _text(sentence: Json) -> str | None:
    """The words of one sentence; None when it is none or has a speaker of its own."""
    if isinstance(sentence, str):
        return sentence
    if not isinstance(sentence, dict):
        return None
    text = None
    for name, value in sentence.items():
        kind = meaning_of(name).kind
        if kind is MemberKind.SPEAKER:
            return None
        if text is None and kind in (MemberKind.TEXT, MemberKind.REMARK) and isinstance(value, str):
            text = value
    return text
