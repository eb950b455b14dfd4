"""Speaker of an object that names a customer or a member of staff, but no author.

For example ``{"customer": {"name": "Mara Quist"}, "message": "…"}``: the name of the member tells
the speaker's role. Of two sides in one object, a role or direction tells which one speaks.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import normalize_name, word_list
from everlake.analysis.participants import (
    FIRST_NAMES,
    LAST_NAMES,
    as_identity,
    identities_and_roles,
)
from everlake.analysis.prose import is_machine_text
from everlake.analysis.roles import role_of_value
from everlake.analysis.speaker_names import looks_like_name

_SIDES = {
    **dict.fromkeys(
        word_list(
            "requester customer contact visitor client guest patient lead caller cliente kunde "
            "kundin klient klant"
        ),
        "external",
    ),
    **dict.fromkeys(word_list("agent operator rep advisor agente mitarbeiter"), "internal"),
    **dict.fromkeys(word_list("respondent person submitter"), "unknown"),
}
"""Role of the person that a member describes, the likeliest writer of a side first."""
_ENDINGS = ("name", "email")
_AUTHORS = frozenset(word_list("requester submitter"))
_ONE_WORD = frozenset(
    word_list("customer agent operator requester caller patient cliente kunde kundin agente")
)
"""Members in which a single word is a name; a ``client`` may also be a program."""
_ABOUT = frozenset(
    word_list("note notes notebody summary description details detail reason transcript "
              "transcription caption value words document raw")
)  # fmt: skip
"""Members with words about a customer, or of several people."""
_OF_SEVERAL = frozenset(word_list("transcript transcription document raw"))
_VOICES = frozenset(
    word_list(
        "comment comments feedback review reviewtext answer testimonial complaint praise "
        "suggestion suggestions improvement improvements verbatim opinion message kommentar "
        "commentaire comentario comentário commento opmerking nachricht mensaje mensagem messaggio"
    )
)
"""Members that hold somebody's own words in a document, too."""
_FORM_NAMES = frozenset((*FIRST_NAMES, *LAST_NAMES, "email", "emailaddress"))
_PROGRAM_NAMES = frozenset(word_list("version os platform build useragent"))


class PersonSpeaker(NamedTuple):
    """Person who speaks: ``name`` of the member, its ``value``, and the person's role."""

    name: str
    value: Json
    role: str


def find_person_speaker(
    people: Sequence[tuple[str, Json]], roles: Iterable[str], text_name: str, *, is_note: bool
) -> PersonSpeaker | None:
    """Return the person who says the object's text, or None if that is not clear.

    Args:
        people: (name, value) of the members that describe people.
        roles: words for the speaker's role.
        text_name: name of the member that holds the text.
        is_note: whether the record is a document, whose people are rather its subject.
    """
    stated = next((role for word in roles if (role := role_of_value(word)) and word != "user"), "")
    text = normalize_name(text_name)
    found = [
        PersonSpeaker(name, value, role)
        for name, value in people
        if (role := _side(name))
        and (stated in ("", role) or role == "unknown")
        and _may_say(text, normalize_name(name), role, is_note=is_note)
        and _is_named_person(name, value)
    ]
    found = [person for person in found if person.role != "unknown"] or found
    if not found or len({person.role for person in found}) > 1:
        return None
    return min(found, key=_rank)


def flat_person(item: dict[str, Json]) -> list[tuple[str, Json]]:
    """Return the person whom a contact form asks for in members of its own, if there is one."""
    found = {
        name: value
        for name, value in item.items()
        if isinstance(value, str) and value.strip() and normalize_name(name) in _FORM_NAMES
    }
    if not found:
        return []
    full_name = {name: value for name, value in item.items() if normalize_name(name) == "name"}
    return [("person", {**full_name, **found})]


def _stem(name: str) -> str:
    """Return the word for the person: ``customer`` of ``customer_name``."""
    word = normalize_name(name)
    return next(
        (word.removesuffix(end) for end in _ENDINGS if word.removesuffix(end) in _SIDES), word
    )


def _side(name: str) -> str | None:
    return _SIDES.get(_stem(name))


def _may_say(text: str, person: str, role: str, *, is_note: bool) -> bool:
    if is_note and text not in _VOICES and person in _SIDES:
        return False
    if text == "description":
        return _stem(person) in _AUTHORS
    return text not in (_OF_SEVERAL if role == "internal" else _ABOUT)


def _is_named_person(name: str, value: Json) -> bool:
    if isinstance(value, dict):
        words = {normalize_name(key) for key in value}
        return _PROGRAM_NAMES.isdisjoint(words) and bool(identities_and_roles(value)[0])
    text = as_identity(value)
    if text is None or not isinstance(value, str):
        return False
    if normalize_name(name) != _stem(name):
        return True
    if "@" in text:
        return " " not in text.strip()
    is_short = " " not in text.strip()
    return (
        looks_like_name(text)
        and not is_machine_text(text)
        and (not is_short or normalize_name(name) in _ONE_WORD)
    )


def _rank(person: PersonSpeaker) -> tuple[int, bool]:
    """Return the rank of a person: the member's word, then names before addresses."""
    return list(_SIDES).index(_stem(person.name)), person.name.lower().endswith("email")
