"""Object with a text: a chat message, an email, a turn, a comment, a document.

It has a member such as ``text``, ``body`` or ``content``. Several such members are renderings of
one text: the plainest is read, and of the others only lines that it does not contain.
"""

from functools import partial

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberMeaning
from everlake.analysis.mentions import resolve_mentions
from everlake.analysis.prose import CoverageIndex, normalize_text
from everlake.analysis.shapes.member_groups import MemberGroups
from everlake.analysis.shapes.plain_text import read_text, strip_markup
from everlake.analysis.shapes.time_members import recording_start_of, zone_of
from everlake.analysis.types import Attribution, PendingValue, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder
from everlake.markup import decode_entities

_MAIL_TYPES = frozenset({"email", "email_thread"})
_MAIL_NAMES = frozenset(
    {"subject", "cc", "bcc", "body_html", "body_plain", "html_body", "bodyHtml", "htmlBody"}
)


def read(
    builder: UtteranceBuilder, name: str, item: dict[str, Json], scope: Scope
) -> Remaining | None:
    """Read an object that has a text, or remarks, of its own."""
    if scope.is_metadata:
        return None
    members = MemberGroups(builder, item, scope)
    if len(members.texts) > 1:
        members.texts.sort(key=_rank)
    own_texts = members.texts[:1] or members.remarks
    if not own_texts:
        return None
    for text in members.fallbacks:
        builder.add_fallback(text)
    first_text = own_texts[0][1]
    attribution = members.attribution(builder, len(first_text), scope)
    for headline in members.headlines:
        builder.add_title(headline, attribution)
    is_mail = builder.record_type in _MAIL_TYPES or not _MAIL_NAMES.isdisjoint(item)
    zone = zone_of(item) or scope.zone
    inner = Scope(scope.recording_start, zone)
    # Nested values need the object's own start, and so do transcripts: texts of several lines, XML.
    if members.rest or "\n" in first_text or first_text.startswith("<"):
        inner = Scope(recording_start_of(item, zone) or scope.recording_start, zone)
    for text_name, text, _ in own_texts:
        if attribution.speaker is not None:
            read_text(builder, text_name or name, text, attribution, inner, is_mail=is_mail)
        else:
            new = _uncovered(text, scope.coverage)
            add = partial(
                read_text, builder, text_name or name, new, attribution, inner, is_mail=is_mail
            )
            builder.add_tentative(add)
    if len(members.texts) < 2 and not members.rest:
        return ()
    texts = [text for _, text, _ in own_texts]
    return _read_remaining(builder, members, texts, attribution, inner, is_mail=is_mail)


def _uncovered(text: str, coverage: CoverageIndex | None) -> str:
    if coverage is None:
        return text
    return coverage.uncovered_lines(normalize_text(strip_markup(text)))


def _read_remaining(
    builder: UtteranceBuilder,
    members: MemberGroups,
    texts: list[str],
    attribution: Attribution,
    scope: Scope,
    *,
    is_mail: bool,
) -> Remaining:
    """Add what other renderings have in addition; return the other members."""

    def plain(text: str) -> str:
        if "&lt;" in text and "<" not in text:  # Reddit escapes its HTML.
            text = decode_entities(text)
        stripped = strip_markup(text, is_mail=is_mail)
        return normalize_text(resolve_mentions(stripped, builder.participants.name_of))

    known = [plain(text) for text in texts]
    for name, text, meaning in members.texts[1:]:
        other = plain(text)
        if other != known[0]:
            new = CoverageIndex(known).uncovered_lines(other, truncated=meaning.truncated)
            read_text(builder, name, new, attribution, scope, is_mail=is_mail)
            known.append(new)
    inner = scope._replace(coverage=CoverageIndex([*known, *members.headlines]))
    metadata = inner._replace(is_metadata=True)
    return [
        PendingValue(name, value, metadata if is_metadata else inner)
        for name, value, is_metadata in members.rest
    ]


def _rank(text: tuple[str, str, MemberMeaning]) -> int:
    return text[2].rank
