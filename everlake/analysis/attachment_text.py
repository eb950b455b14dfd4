"""The text of an attachment as utterances of its record."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from everlake.analysis.json_decoding import decode_json
from everlake.analysis.paragraphs import split_paragraphs
from everlake.analysis.shapes import captions, transcript
from everlake.analysis.shapes.time_members import recording_start_of
from everlake.analysis.utterance_builder import UNATTRIBUTED, Scope, UtteranceBuilder
from everlake.contract.envelope import Participant
from everlake.model.utterances import Utterance

AttachmentTextKind: TypeAlias = Literal["prose", "captions"]

_RECORDING_TYPES = frozenset({"call", "call_transcription", "meeting_notes"})


def attachment_utterances(
    kind: AttachmentTextKind,
    sections: Iterable[str],
    record_type: str,
    participants: Sequence[Participant] = (),
    *,
    start: int | None = None,
) -> list[Utterance]:
    """What the text of an attachment says, in order.

    ``captions`` (WebVTT, SubRip) become turns of their speakers. ``prose`` becomes paragraphs of
    nobody, and rows of tables one by one; where each of its turns is begun by a participant of
    the record or a word such as ``Agent:``, it is a transcript and read like one.

    Args:
        kind: what the text is.
        sections: its parts in order: pages, slides, lines; no paragraph, row or cue goes on in
            the next one.
        record_type: the envelope's ``_type``, normalised.
        participants: the envelope's ``_participants``; see
            :func:`everlake.analysis.utterances.extract_utterances`.
        start: Unix milliseconds at which the recording began, if the record tells
            (:func:`recording_start`). Without it ``said_at`` is None where the text itself has
            only offsets.

    Returns:
        At most ``MAX_UTTERANCES`` of about 2,000 characters at most; what would be more is
        joined, not dropped. Raises nothing. Takes time linear in the text.
    """
    reading = UtteranceBuilder(record_type, participants)
    parts = list(sections)
    text = "\n".join(parts)
    scope = Scope(start)
    if kind == "captions":
        told = captions.read(reading, "", text, UNATTRIBUTED, scope) or transcript.read(
            reading, "transcript", text, UNATTRIBUTED, scope
        )
    else:
        told = transcript.read_known_speakers(reading, text, scope)
    if not told:
        for part in parts:
            for passage in split_paragraphs(part):
                reading.add(passage)
    return reading.build()


def recording_start_ms(record_type: str, data: bytes) -> int | None:
    """Unix milliseconds at which the call or meeting began that ``data`` is about.

    None where it does not tell, and for records that are no recordings: the date of a mail says
    nothing about the captions that came with it.
    """
    if record_type not in _RECORDING_TYPES:
        return None
    item = decode_json(data)
    return recording_start_of(item) if isinstance(item, dict) else None
