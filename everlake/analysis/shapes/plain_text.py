"""Single string: captions, a chat export, a transcript, the text of an email, or plain text."""

from everlake.analysis.mail import split_quotes
from everlake.analysis.mentions import resolve_mentions
from everlake.analysis.prose import normalize_text
from everlake.analysis.shapes import captions, chat_export, transcript
from everlake.analysis.types import Attribution, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder
from everlake.mail_markup import mark_history
from everlake.markup import decode_entities, html_to_text, looks_like_html, markdown_to_text

TEXT_SHAPES = (captions.read, chat_export.read, transcript.read)


def strip_markup(text: str, *, is_mail: bool = False) -> str:
    """Return the text without HTML markup and character references.

    Args:
        text: HTML or plain text.
        is_mail: whether elements in which mail programs put history are quoted with ``>``.
    """
    if not looks_like_html(text):
        return decode_entities(text) if is_mail else markdown_to_text(text)
    return html_to_text(mark_history(text).source if is_mail else text)


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
    name_of = builder.participants.name_of
    segments: list[tuple[bool, str]] = []
    if (is_mail or attribution.speaker) and ("\n" in text or looks_like_html(text)):
        segments = _split_mail(text, is_mail=is_mail)
        if len(segments) > 1 or (segments and not segments[0][0]):
            for is_own, segment in segments:
                if not is_own:
                    builder.add(resolve_mentions(segment, name_of))
                elif not _read_dialogue(builder, name, segment, attribution, scope):
                    builder.add(resolve_mentions(segment, name_of), attribution)
            return
    if not _read_dialogue(builder, name, text, attribution, scope):
        own = segments[0][1] if segments else strip_markup(text)
        if not looks_like_html(text) or not _read_dialogue(builder, name, own, attribution, scope):
            builder.add(resolve_mentions(own, name_of), attribution)


def _read_dialogue(
    builder: UtteranceBuilder, name: str, text: str, attribution: Attribution, scope: Scope
) -> bool:
    # One line may be a single message of a chat export, in brackets or with a date first.
    start = text.lstrip()[:1]
    return ("\n" in text or start in {"<", "["} or start.isdigit()) and any(
        read(builder, name, text, attribution, scope) for read in TEXT_SHAPES
    )


def _split_mail(text: str, *, is_mail: bool) -> list[tuple[bool, str]]:
    angle_quotes = is_mail
    if looks_like_html(text):
        text, has_history = mark_history(text)
        angle_quotes = is_mail or has_history
        text = html_to_text(text)
    else:
        text = strip_markup(text, is_mail=is_mail)
    return split_quotes(normalize_text(text), angle_quotes=angle_quotes)
