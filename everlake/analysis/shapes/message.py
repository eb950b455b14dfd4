"""An object that says something: a chat message, an email, a turn, a comment, a document.

Its mark is a member such as ``text``, ``body`` or ``content`` with words in it. Several such
members are renderings of one text: the plainest is what was said, and of the others only the
lines that it lacks are added.
"""

from functools import partial

from everlake.analysis.decode import Json
from everlake.analysis.names import Member
from everlake.analysis.prose import Cover, clean
from everlake.analysis.reading import Frame, Reading, Rest, Scope, Voice
from everlake.analysis.shapes.members import Members
from everlake.analysis.shapes.texts import readable, speak
from everlake.analysis.shapes.when import start_of

_MAIL = frozenset({"email", "email_thread"})
_MAIL_NAMES = frozenset(
    {"subject", "cc", "bcc", "body_html", "body_plain", "html_body", "bodyHtml", "htmlBody"}
)


def read(reading: Reading, name: str, item: dict[str, Json], scope: Scope) -> Rest | None:
    """Read ``item`` if it says something itself."""
    if scope.doubtful:
        return None
    found = Members(reading, item, scope)
    if len(found.texts) > 1:
        found.texts.sort(key=_rank)
    said = found.texts[:1] or found.remarks
    if not said:
        return None
    for doubtful in found.doubtful:
        reading.doubt(doubtful)
    voice = found.voice(reading, len(said[0][1]), scope)
    for headline in found.headlines:
        reading.headline(headline, voice)
    mail = reading.record_type in _MAIL or not _MAIL_NAMES.isdisjoint(item)
    inner = Scope(scope.start)
    if found.rest or "\n" in said[0][1]:
        inner = Scope(start_of(item) or scope.start)
    for text_name, text, _ in said:
        if voice.speaker is not None:
            speak(reading, text_name or name, text, voice, inner, mail=mail)
        else:
            new = _new(text, scope.cover)
            say = partial(speak, reading, text_name or name, new, voice, inner, mail=mail)
            reading.say_loose(say)
    if len(found.texts) < 2 and not found.rest:
        return ()
    return _what_else(reading, found, [text for _, text, _ in said], voice, inner, mail=mail)


def _new(text: str, cover: Cover | None) -> str:
    return text if cover is None else cover.new_lines(clean(readable(text)))


def _what_else(
    reading: Reading, found: Members, texts: list[str], voice: Voice, scope: Scope, *, mail: bool
) -> Rest:
    """Other renderings and other members, as far as they say something new."""
    said = [clean(readable(text)) for text in texts]
    for name, text, kind in found.texts[1:]:
        other = clean(readable(text))
        if other != said[0]:
            new = Cover(said).new_lines(other, cut_off=kind.stump)
            speak(reading, name, new, voice, scope, mail=mail)
            said.append(new)
    inner = scope._replace(cover=Cover([*said, *found.headlines]))
    people = inner._replace(doubtful=True)
    return [
        Frame(name, value, people if doubtful else inner) for name, value, doubtful in found.rest
    ]


def _rank(text: tuple[str, str, Member]) -> int:
    return text[2].rank
