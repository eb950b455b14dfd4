"""Object with a speaker and a list of sentences, as in transcripts of Gong and Rev.

``{"speakerId": "…", "sentences": [{"start": 0, "end": 1200, "text": "…"}]}``
"""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.shapes.member_groups import MemberGroups
from everlake.analysis.types import UNATTRIBUTED, PendingValue, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder
from everlake.model.utterances import MAX_TEXT_LENGTH

_LISTS = ("sentences", "elements", "segments", "utterances", "lines", "phrases", "words")


def read(
    builder: UtteranceBuilder,
    name: str,  # noqa: ARG001 - the signature of all object shapes
    item: dict[str, Json],
    scope: Scope,
) -> Remaining | None:
    """Read an object with a speaker and a list that consists of sentences."""
    list_name = next((key for key in _LISTS if key in item), None)
    sentences = item[list_name] if list_name else None
    if not isinstance(sentences, list) or not sentences or scope.is_metadata:
        return None
    texts = [text for sentence in sentences if (text := _text(sentence)) is not None]
    members = MemberGroups(builder, item, scope)
    attribution = members.attribution(builder, 0, scope)
    if len(texts) < len(sentences) or attribution.speaker is None:
        return None
    for headline in members.headlines:
        builder.add_title(headline, UNATTRIBUTED)
    # Lists with elements for punctuation have elements for spaces as well.
    has_punctuation = any(
        isinstance(sentence, dict) and sentence.get("type") == "punct" for sentence in sentences
    )
    separator = "" if has_punctuation else " "
    pending: list[str] = []
    length = 0
    for sentence, text in zip(sentences, texts, strict=True):
        if pending and length + len(text) >= MAX_TEXT_LENGTH:
            builder.add(separator.join(pending), attribution)
            pending, length = [], 0
        if not pending and isinstance(sentence, dict):
            own = MemberGroups(builder, sentence, scope).attribution(builder, len(text), scope)
            attribution = attribution._replace(said_at=own.said_at)
        pending.append(text)
        length += len(text) + 1
    builder.add(separator.join(pending), attribution)
    return [
        PendingValue(name, value, scope._replace(is_metadata=is_metadata))
        for name, value, is_metadata in members.rest
        if name != list_name
    ]


def _text(sentence: Json) -> str | None:
    """Return the text of a sentence; None when it has none, or a speaker of its own."""
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
