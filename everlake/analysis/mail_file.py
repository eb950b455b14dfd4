"""Mail file: the text of one message with its headers."""

from email.utils import parseaddr

from everlake.analysis.mail import split_quotes
from everlake.analysis.prose import normalize_text
from everlake.analysis.shapes import transcript
from everlake.analysis.timestamps import normalize_timestamp
from everlake.analysis.types import Attribution, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder


def add_mail(builder: UtteranceBuilder, message: str) -> None:
    """Add the utterances of a message: its subject, headers and text.

    Args:
        builder: receives the utterances.
        message: a line ``Name: value`` for each header, a blank line, and the text.
    """
    head, _, body = message.partition("\n\n")
    headers: dict[str, str] = {}
    others: list[str] = []
    for line in head.split("\n"):
        name, _, value = line.partition(":")
        headers.setdefault(name, value.strip())
        if name != "Subject":
            others.append(line)
    attribution = _attribution(builder, headers)
    builder.add_title(headers.get("Subject", ""), attribution)
    builder.add("\n".join(others))
    for is_own, segment in split_quotes(normalize_text(body)):
        if not is_own:
            builder.add(segment)
        elif not transcript.read_known_speakers(builder, segment, Scope()):
            builder.add(segment, attribution)


def _attribution(builder: UtteranceBuilder, headers: dict[str, str]) -> Attribution:
    sender = headers.get("From", "")
    identities = tuple(part for part in parseaddr(sender) if part) or (sender,)
    speaker, role = builder.resolve_speaker(identities, ())
    return Attribution(speaker, role, normalize_timestamp(headers.get("Date")))
