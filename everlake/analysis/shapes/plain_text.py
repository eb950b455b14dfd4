"""One string: captions, a written-out dialogue, a mail, or plain words."""

from everlake.analysis.prose import normalize_text
from everlake.analysis.quoted_mail import split_quotes
from everlake.analysis.shapes import captions, transcript
from everlake.analysis.utterance_builder import UNATTRIBUTED, Attribution, Scope, UtteranceBuilder
from everlake.markup import decode_entities, html_to_text, looks_like_html

TEXT_SHAPES = (captions.read, transcript.read)


def strip_markup(text: str) -> str:
    """``text`` without markup."""
    return html_to_text(text) if looks_like_html(text) else decode_entities(text)


def read_text(
    reading: UtteranceBuilder,
    name: str,
    text: str,
    voice: Attribution,
    scope: Scope,
    *,
    mail: bool = False,
) -> None:
    """Add what ``text`` says. ``voice`` speaks it, unless the text itself names its speakers.

    Quoted mail and signatures become utterances of nobody, where they stand. In a ``mail``
    lines that begin with ``>`` are quoted too; elsewhere that is a writer's own emphasis.
    """
    if "\n" in text and any(read(reading, name, text, voice, scope) for read in TEXT_SHAPES):
        return
    text = strip_markup(text)
    if "\n" not in text or not (mail or voice.speaker):
        reading.add(text, voice)
        return
    for own, segment in split_quotes(normalize_text(text), angle_quotes=mail):
        reading.add(segment, voice if own else UNATTRIBUTED)
