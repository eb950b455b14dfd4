"""Single string: captions, a transcript, the text of an email, or plain text."""

from everlake.analysis.mentions import resolve_mentions
from everlake.analysis.prose import normalize_text
from everlake.analysis.quoted_mail import split_quotes
from everlake.analysis.shapes import captions, transcript
from everlake.analysis.types import UNATTRIBUTED, Attribution, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder
from everlake.markup import html_to_text, looks_like_html, markdown_to_text

TEXT_SHAPES = (captions.read, transcript.read)


def strip_markup(text: str) -> str:
    """Return the text without HTML markup and character references."""
    return html_to_text(text) if looks_like_html(text) else markdown_to_text(text)


def read_text(
    builder: UtteranceBuilder,
    name: str,
    text: str,
    attribution: Attribution,
    scope: Scope,
    *,
    is_mail: bool = False,
) -> None:
    """Add the utterances of a text.

    Quotations and signatures become utterances without a speaker, in their place.

    Args:
        builder: receives the utterances.
        name: name of the text's member.
        text: the text.
        attribution: speaker and time, unless the text itself names its speakers.
        scope: context of the text.
        is_mail: whether lines that begin with ``>`` are quotations. Elsewhere they are the
            writer's own emphasis.
    """
    if "\n" in text and any(read(builder, name, text, attribution, scope) for read in TEXT_SHAPES):
        return
    text = resolve_mentions(strip_markup(text), builder.participants.name_of)
    if "\n" not in text or not (is_mail or attribution.speaker):
        builder.add(text, attribution)
        return
    for is_own, segment in split_quotes(normalize_text(text), angle_quotes=is_mail):
        builder.add(segment, attribution if is_own else UNATTRIBUTED)
