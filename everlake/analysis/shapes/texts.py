"""One string: captions, a written-out dialogue, a mail, or plain words."""

from everlake.analysis.prose import clean
from everlake.analysis.quotes import part_quotes
from everlake.analysis.reading import NOBODY, Reading, Scope, Voice
from everlake.analysis.shapes import captions, script
from everlake.markup import decode_entities, html_to_text, looks_like_html

TEXT_SHAPES = (captions.read, script.read)


def readable(text: str) -> str:
    """``text`` without markup."""
    return html_to_text(text) if looks_like_html(text) else decode_entities(text)


def speak(
    reading: Reading, name: str, text: str, voice: Voice, scope: Scope, *, mail: bool = False
) -> None:
    """Add what ``text`` says. ``voice`` speaks it, unless the text itself names its speakers.

    Quoted mail and signatures become utterances of nobody, where they stand. In a ``mail``
    lines that begin with ``>`` are quoted too; elsewhere that is a writer's own emphasis.
    """
    if "\n" in text and any(read(reading, name, text, voice, scope) for read in TEXT_SHAPES):
        return
    text = readable(text)
    if "\n" not in text or not (mail or voice.speaker):
        reading.say(text, voice)
        return
    for own, segment in part_quotes(clean(text), marked_lines=mail):
        reading.say(segment, voice if own else NOBODY)
