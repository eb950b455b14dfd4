"""People whom a record's data describes, wherever they are, and its words for roles."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of, normalize_name, word_list
from everlake.analysis.participants import Participants, identities_and_roles
from everlake.analysis.roles import meaning_of_user

_DIRECTORIES = frozenset(word_list("profiles accounts included userprofiles"))
"""Names of lists of people, or of maps from their ids, beyond :attr:`MemberKind.PEOPLE`."""
_MAX_WORD_LENGTH = 40


def collect_people(participants: Participants, data: Json) -> None:
    """Add the people that ``data`` describes, and what it means by ``user``."""
    words: set[str] = set()
    names: set[str] = set()
    people: list[Json] = []
    stack: list[Json] = [data]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(inner for inner in value if isinstance(inner, dict | list))
        elif isinstance(value, dict):
            for key, inner in value.items():
                if isinstance(inner, str):
                    if len(inner) <= _MAX_WORD_LENGTH and _holds_role(key):
                        words.add(normalize_name(inner))
                elif isinstance(inner, dict | list) and inner:
                    stack.append(inner)
                    _collect_member(participants, key, inner, value, names, people)
    for person in people:
        participants.add_person(person)
    participants.user_role = meaning_of_user(words, names)


def _holds_role(name: str) -> bool:
    return meaning_of(name).kind in (MemberKind.ROLE, MemberKind.SPEAKER)


def _collect_member(
    participants: Participants,
    name: str,
    value: Json,
    item: dict[str, Json],
    names: set[str],
    people: list[Json],
) -> None:
    """Add the people in a member at once, or a single person, which comes after the lists."""
    key = normalize_name(name)
    kind = meaning_of(name).kind
    names.add(key)
    is_directory = kind is MemberKind.PEOPLE or key in _DIRECTORIES
    if isinstance(value, list):
        if is_directory:
            participants.add_described(value)
    elif isinstance(value, dict):
        if key == "userprofile" and isinstance(user := item.get("user"), str):
            participants.add_person(value, user)
        elif is_directory:
            _add_map(participants, value)
        elif kind in (MemberKind.SPEAKER, MemberKind.PERSON):
            people.append(value)


def _add_map(participants: Participants, people: dict[str, Json]) -> None:
    """Add people who are the values of a map from their ids."""
    if identities_and_roles(people)[0]:
        participants.add_person(people)
        return
    for key, person in people.items():
        if isinstance(person, str | dict):
            participants.add_person(person, key)
