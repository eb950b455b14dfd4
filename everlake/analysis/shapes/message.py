"""An object that says something: a chat message, an email, a turn, a comment, a document.

Its mark is a member such as ``text``, ``body`` or ``content`` with words in it. Several such
members are renderings of one text: the plainest is what was said, and of the others only the
lines that it lacks are added.
"""

from functools import partial

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberMeaning
from everlake.analysis.prose import CoverageIndex, normalize_text
from everlake.analysis.shapes.member_groups import MemberGroups
from everlake.analysis.shapes.plain_text import read_text, strip_markup
from everlake.analysis.shapes.time_members import recording_start_of
from everlake.analysis.utterance_builder import (
    Attribution,
    PendingValue,
    Remaining,
    Scope,
    UtteranceBuilder,
)

_MAIL_TYPES = frozenset({"email", "email_thread"})
_MAIL_NAMES = frozenset(
    {"subject", "cc", "bcc", "body_html", "body_plain", "html_body", "bodyHtml", "htmlBody"}
)


def read(
    reading: UtteranceBuilder, name: str, item: dict[str, Json], scope: Scope
) -> Remaining | None:
    """Read ``item`` if it says something itself."""
    if scope.doubtful:
        return None
    found = MemberGroups(reading, item, scope)
    if len(found.texts) > 1:
        found.texts.sort(key=_rank)
    said = found.texts[:1] or found.remarks
    if not said:
        return None
    for doubtful in found.doubtful:
        reading.add_fallback(doubtful)
    voice = found.attribution(reading, len(said[0][1]), scope)
    for headline in found.headlines:
        reading.add_title(headline, voice)
    mail = reading.record_type in _MAIL_TYPES or not _MAIL_NAMES.isdisjoint(item)
    inner = Scope(scope.start)
    if found.rest or "\n" in said[0][1]:
        inner = Scope(recording_start_of(item) or scope.start)
    for text_name, text, _ in said:
        if voice.speaker is not None:
            read_text(reading, text_name or name, text, voice, inner, mail=mail)
        else:
            new = _uncovered(text, scope.cover)
            say = partial(read_text, reading, text_name or name, new, voice, inner, mail=mail)
            reading.add_tentative(say)
    if len(found.texts) < 2 and not found.rest:
        return ()
    return _read_remaining(reading, found, [text for _, text, _ in said], voice, inner, mail=mail)


def _uncovered(text: str, cover: CoverageIndex | None) -> str:
    return text if cover is None else cover.uncovered_lines(normalize_text(strip_markup(text)))


def _read_remaining(
    reading: UtteranceBuilder,
    found: MemberGroups,
    texts: list[str],
    voice: Attribution,
    scope: Scope,
    *,
    mail: bool,
) -> Remaining:
    """Other renderings and other members, as far as they say something new."""
    said = [normalize_text(strip_markup(text)) for text in texts]
    for name, text, kind in found.texts[1:]:
        other = normalize_text(strip_markup(text))
        if other != said[0]:
            new = CoverageIndex(said).uncovered_lines(other, cut_off=kind.truncated)
            read_text(reading, name, new, voice, scope, mail=mail)
            said.append(new)
    inner = scope._replace(cover=CoverageIndex([*said, *found.headlines]))
    people = inner._replace(doubtful=True)
    return [
        PendingValue(name, value, people if doubtful else inner)
        for name, value, doubtful in found.rest
    ]


def _rank(text: tuple[str, str, MemberMeaning]) -> int:
    return text[2].rank
