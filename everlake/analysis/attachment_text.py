"""Extraction of utterances from the text of an attachment."""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from everlake.analysis.json_decoding import decode_json
from everlake.analysis.mail_file import add_mail
from everlake.analysis.paragraphs import split_paragraphs
from everlake.analysis.shapes import captions, chat_export, transcript
from everlake.analysis.shapes.time_members import recording_start_of
from everlake.analysis.types import UNATTRIBUTED, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder
from everlake.contract.envelope import Participant
from everlake.model.utterances import Utterance

AttachmentTextKind: TypeAlias = Literal["prose", "captions", "mail"]

_RECORDING_TYPES = frozenset({"call", "call_transcription", "meeting_notes"})


def attachment_utterances(
    kind: AttachmentTextKind,
    sections: Iterable[str],
    record_type: str,
    participants: Sequence[Participant] = (),
    *,
    start: int | None = None,
) -> list[Utterance]:
    """Return the utterances of an attachment's text in order of appearance.

    Captions (WebVTT, SubRip and others) become turns of their speakers. Prose becomes paragraphs
    and table rows without a speaker. Where it is captions, they are read as such; an exported chat
    becomes its messages, and when every turn begins with a participant of the record or a role such
    as ``Agent:``, it is read as a transcript. Of mail, what the sender wrote has the sender and the
    date; headers, quotations, signatures and notices have no speaker.

    Args:
        kind: format of the text.
        sections: parts of the text in order: pages, slides, lines, messages. No paragraph, row or
            caption continues in the next part.
        record_type: the envelope's ``_type``, normalised.
        participants: the envelope's ``_participants``; see
            :func:`everlake.analysis.utterances.extract_utterances`.
        start: start of the recording, in Unix milliseconds, from :func:`recording_start_ms`.
            Without it, offsets in the text give no ``said_at``.

    Returns:
        At most ``MAX_UTTERANCES`` utterances of ``MAX_TEXT_LENGTH`` characters each; see
        :func:`everlake.analysis.utterances.extract_utterances`.

    Never raises. The time is linear in the length of the text.
    """
    builder = UtteranceBuilder(record_type, participants)
    parts = list(sections)
    if kind == "mail":
        for part in parts:
            add_mail(builder, part)
        return builder.build()
    text = "\n".join(parts)
    scope = Scope(start)
    if kind == "captions":
        is_dialogue = captions.read(builder, "", text, UNATTRIBUTED, scope) or transcript.read(
            builder, "transcript", text, UNATTRIBUTED, scope
        )
    else:
        is_dialogue = any(
            read(builder, "", text, UNATTRIBUTED, scope)
            for read in (captions.read, chat_export.read)
        ) or transcript.read_known_speakers(builder, text, scope)
    if not is_dialogue:
        for part in parts:
            for paragraph in split_paragraphs(part):
                builder.add(paragraph)
    return builder.build()


def recording_start_ms(record_type: str, data: bytes) -> int | None:
    """Return the start of the call or meeting that a record describes, in Unix milliseconds.

    None when the record does not state it, and for other record types: the date of an email says
    nothing about captions attached to it.

    Args:
        record_type: the envelope's ``_type``, normalised.
        data: the sender's JSON object, verbatim.
    """
    if record_type not in _RECORDING_TYPES:
        return None
    item = decode_json(data)
    return recording_start_of(item) if isinstance(item, dict) else None
