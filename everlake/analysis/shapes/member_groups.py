"""Members of an object, grouped by the meaning of their names."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from everlake.analysis.containers import holds_messages
from everlake.analysis.json_decoding import Json
from everlake.analysis.labels import is_label, is_label_text, without_description
from everlake.analysis.member_names import (
    ID_RANK,
    NAME_RANK,
    MemberKind,
    MemberMeaning,
    meaning_of,
    normalize_name,
)
from everlake.analysis.participants import (
    MAX_NAME_LENGTH,
    as_identity,
    identities_and_roles,
    is_person,
)
from everlake.analysis.prose import is_machine_text, is_sentence
from everlake.analysis.roles import FLAG_NAMES, role_of, role_of_flag, role_of_value
from everlake.analysis.shapes.person_speakers import find_person_speaker, flat_person
from everlake.analysis.shapes.rich_text import is_document, renderings
from everlake.analysis.shapes.time_members import time_said, unwrap_time, zone_of
from everlake.analysis.speaker_names import MAX_WORDS_OF_NAME
from everlake.analysis.types import Attribution, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_NAMED_TYPES = frozenset({"document", "spreadsheet", "meeting_notes"})
_AUTHORED_TYPES = frozenset({"message", "conversation"})
_WORDS_FOR_PLACES = frozenset({"at", "when"})
"""Names of times that may as well hold a place or a condition."""
_ROLE_RANK = 2_000
_MAX_ROLE_LENGTH = 40


class MemberGroups:
    """Members of one object.

    Args:
        builder: tells the record type.
        item: the object.
        scope: context of the object.

    Attributes:
        texts: (name, text, meaning) of the members that are renderings of the object's text.
        remarks: the same of members that are the object's text when it has no ``texts``.
        headlines: subjects and titles.
        speakers: (rank, value) of the members that name the speaker.
        roles: words for the speaker's role.
        hints: roles that hold unless others are stated (a private note is by staff).
        times: (rank, value) of the members that hold points in time.
        offsets: (rank, name, value) of the members that hold offsets from the recording's start.
        end: offset of the end of the utterance.
        fallbacks: strings that are probably not prose.
        people: (name, value) of strings that are names of people other than the speaker, when
            the object has a text.
        persons: (name, value) of all members that describe one person.
        rest: (name, value, whether it is metadata) of all other members.
        name_is_title: whether a member ``name`` is a title, and not the speaker.
    """

    __slots__ = (
        "_is_note",
        "_item",
        "_name_of",
        "end",
        "fallbacks",
        "headlines",
        "hints",
        "name_is_title",
        "offsets",
        "people",
        "persons",
        "remarks",
        "rest",
        "roles",
        "speakers",
        "texts",
        "times",
    )

    def __init__(self, builder: UtteranceBuilder, item: dict[str, Json], scope: Scope) -> None:
        self._item = item
        self.texts: list[tuple[str, str, MemberMeaning]] = []
        self.remarks: list[tuple[str, str, MemberMeaning]] = []
        self.speakers: list[tuple[int, Json]] = []
        self.roles: list[str] = []
        self.hints: list[str] = []
        self.times: list[tuple[int, Json]] = []
        self.offsets: list[tuple[int, str, Json]] = []
        self.headlines: list[str] = []
        self.fallbacks: list[str] = []
        self.people: list[tuple[str, str]] = []
        self.persons: list[tuple[str, Json]] = []
        self.end: Json = None
        self.rest: list[tuple[str, Json, bool]] = []
        self._name_of = builder.participants.name_of
        record_type = builder.record_type
        self._is_note = record_type in _NAMED_TYPES
        self.name_is_title = self._is_note or (scope.is_root and record_type not in _AUTHORED_TYPES)
        for name, value in item.items():
            if isinstance(value, bool):
                self._add_flag(name, value)
            elif value is not None and value != "":
                meaning = meaning_of(name)
                self._ADDERS[meaning.kind](self, name, value, meaning)
        if not self.texts and (self.speakers or self.persons or self.times):
            self._take_documents()
        if self.people:
            if self.texts:
                self.fallbacks += [person for _, person in self.people]
            else:
                self.rest += [(name, person, False) for name, person in self.people]
        if self.remarks:
            self.fallbacks += [text for _, text, _ in self.remarks if is_machine_text(text)]
            self.remarks = [remark for remark in self.remarks if not is_machine_text(remark[1])]
            if self.texts:
                self.rest += [(name, text, False) for name, text, _ in self.remarks]

    def _take_documents(self) -> None:
        """Take rich text as the object's text: an issue's description, a chat's blocks."""
        others: list[tuple[str, Json, bool]] = []
        for member in self.rest:
            name, value, is_metadata = member
            meaning = meaning_of(name)
            is_remark = meaning.kind is MemberKind.REMARK
            found = (
                renderings(name, value, meaning, self._name_of)
                if not is_metadata
                and (is_remark or not (self.remarks or self.texts))
                and is_document(name, value)
                else None
            )
            if found is None:
                others.append(member)
                continue
            texts, inner = found
            (self.remarks if is_remark else self.texts).extend(texts)
            others += [(name, other, is_metadata) for other, is_metadata in inner]
        self.rest = others

    def attribution(self, builder: UtteranceBuilder, length: int, scope: Scope) -> Attribution:
        """Return speaker, role and time of the object's text, which has ``length`` characters."""
        said_at = None
        if self.times or self.offsets:
            zone = zone_of(self._item) or scope.zone
            start = scope.recording_start
            said_at = time_said(self.times, self.offsets, self.end, length, start, zone)
        if all(rank == _ROLE_RANK for rank, _ in self.speakers):
            self._add_person_speaker()
        if not self.speakers and not self.roles:
            return Attribution(None, None, said_at)
        if len(self.speakers) > 1:
            self.speakers.sort(key=_speaker_rank)
        names: list[str] = []
        roles = self.roles.copy()
        is_described = False
        for rank, value in self.speakers:
            if isinstance(value, str):
                names.append(value)
            elif is_described and isinstance(value, dict):
                self.rest.append(("", value, True))  # Somebody else: a creator beside a reporter.
            else:
                is_described = is_described or isinstance(value, dict)
                self._add_described_speaker(builder, rank, value, names, roles)
        roles += self.hints if names else ()
        speaker, role = builder.resolve_speaker(tuple(names), tuple(roles))
        return Attribution(speaker, role, said_at)

    def _add_person_speaker(self) -> None:
        """Take the customer or the member of staff as the speaker, where that is clear."""
        text_name = next((name for name, *_ in self.texts or self.remarks), "")
        person = find_person_speaker(
            self.persons or flat_person(self._item),
            [*self.roles, *self.hints],
            text_name,
            is_note=self._is_note,
        )
        if person is not None:
            self.speakers.append((NAME_RANK, person.value))
            if not self.persons and isinstance(person.value, dict):
                self._take_fields(person.value)
            self.roles.append(person.role)

    def _take_fields(self, person: dict[str, Json]) -> None:
        """Take the name and address in a contact form as the speaker's, and not as prose."""
        self.headlines = [title for title in self.headlines if title not in person.values()]
        self.rest = [member for member in self.rest if member[0] not in person]

    def _add_described_speaker(
        self, builder: UtteranceBuilder, rank: int, value: Json, names: list[str], roles: list[str]
    ) -> None:
        if isinstance(value, list):
            first, others = (value[0], value[1:]) if value else (None, [])
            self.rest.append(("", others if isinstance(first, dict) else value, True))
            value = first
        if isinstance(value, dict):
            identities, role_words = identities_and_roles(value)
            names += identities
            roles += role_words
            if any(
                isinstance(inner, dict | list) or (isinstance(inner, str) and " " in inner)
                for inner in value.values()
            ):
                self.rest.append(("", value, True))
        elif (text := as_identity(value)) is not None:
            is_number = (
                rank < ID_RANK
                and isinstance(value, int)
                and len(text) < 4
                and not builder.participants.is_known(text)
            )
            names.append(f"Speaker {text}" if is_number else text)

    def _add_text(self, name: str, value: Json, meaning: MemberMeaning) -> None:
        if isinstance(value, str):
            if value.strip():
                self.texts.append((name, value, meaning))
        elif isinstance(value, dict | list):
            rendered = renderings(name, value, meaning, self._name_of)
            if rendered is None:
                self.rest.append((name, value, False))
            else:
                texts, others = rendered
                self.texts += texts
                self.rest += [(name, other, is_metadata) for other, is_metadata in others]
        else:
            self._add_other(name, value, meaning)

    def _add_remark(self, name: str, value: Json, meaning: MemberMeaning) -> None:
        if isinstance(value, str):
            self.remarks.append((name, value, meaning))
        else:
            self._add_other(name, value, meaning)

    def _add_speaker(self, _name: str, value: Json, meaning: MemberMeaning) -> None:
        if isinstance(value, str) and len(value) > MAX_NAME_LENGTH:
            self.fallbacks.append(value)
        self.speakers.append((meaning.rank, value))

    def _add_name(self, name: str, value: Json, meaning: MemberMeaning) -> None:
        if not isinstance(value, str):
            self._add_other(name, value, meaning)
        elif self.name_is_title:
            self.headlines.append(value)
        else:
            self.speakers.append((NAME_RANK, value))

    def _add_flag(self, name: str, value: bool) -> None:
        if normalize_name(name) not in FLAG_NAMES:
            if " " in name:
                self.rest.append((name, value, False))
            return
        role, is_certain = role_of_flag(name, value)
        if role is not None:
            (self.roles if is_certain else self.hints).append(role)

    def _add_person(self, name: str, value: Json, meaning: MemberMeaning) -> None:
        self.persons.append((name, value))
        if is_person(value) or (isinstance(value, list) and all(map(is_person, value))):
            self.rest.append((name, value, True))
        elif isinstance(value, str) and len(value.split()) <= MAX_WORDS_OF_NAME:
            self.people.append((name, value))
        else:
            self._add_other(name, value, meaning)

    def _add_role(self, name: str, value: Json, meaning: MemberMeaning) -> None:
        if isinstance(value, str):
            self.roles.append(role_of_value(value, name) or value)
            if name == "role" and len(value) <= _MAX_ROLE_LENGTH:
                self.speakers.append((_ROLE_RANK, value))
            else:
                self._add_label(name, value, meaning)
        else:
            self._add_other(name, value, meaning)

    def _add_title(self, name: str, value: Json, meaning: MemberMeaning) -> None:
        if isinstance(value, str):
            self.headlines.append(value)
        else:
            self._add_other(name, value, meaning)

    def _add_time(self, name: str, value: Json, meaning: MemberMeaning) -> None:
        if isinstance(value, str) and is_sentence(value):
            self.fallbacks.append(value)
        elif isinstance(value, dict) and (moment := unwrap_time(value)) is not None:
            self._add_time(name, moment, meaning)
        elif isinstance(value, dict | list):
            self.rest.append((name, value, True))
        elif isinstance(value, str) and name in _WORDS_FOR_PLACES and value.isalpha():
            self._add_other(name, value, meaning)
        elif meaning.kind is MemberKind.TIME:
            self.times.append((meaning.rank, value))
        elif meaning.kind is MemberKind.OFFSET:
            self.offsets.append((meaning.rank, name, value))
        elif meaning.kind is MemberKind.END:
            self.end = value

    def _add_metadata(self, name: str, value: Json, _meaning: MemberMeaning) -> None:
        if isinstance(value, str):
            self.fallbacks.append(value)
        elif isinstance(value, dict | list):
            is_metadata = not holds_messages(name, value)
            described = without_description(value) if is_metadata else value
            self.rest.append((name, described, is_metadata))

    def _add_label(self, name: str, value: Json, meaning: MemberMeaning) -> None:
        if name == "event" and isinstance(value, str) and role_of(value):  # Rasa
            self.roles.append(value)
            self.speakers.append((_ROLE_RANK, value))
            return
        if isinstance(value, str) and is_label_text(value, name):
            self.fallbacks.append(value)
        elif (
            meaning.kind is MemberKind.LABEL and is_label(value) and not holds_messages(name, value)
        ):
            self.rest.append((name, without_description(value), True))
        else:
            self._add_other(name, value, meaning)

    def _add_other(self, name: str, value: Json, _meaning: MemberMeaning) -> None:
        if isinstance(value, str | dict | list) or " " in name:
            self.rest.append((name, value, False))

    _ADDERS: ClassVar[Mapping[MemberKind, Callable[..., None]]] = {
        MemberKind.TEXT: _add_text,
        MemberKind.REMARK: _add_remark,
        MemberKind.HEADLINE: _add_title,
        MemberKind.SPEAKER: _add_speaker,
        MemberKind.NAME: _add_name,
        MemberKind.ROLE: _add_role,
        MemberKind.TIME: _add_time,
        MemberKind.OFFSET: _add_time,
        MemberKind.END: _add_time,
        MemberKind.START: _add_time,
        MemberKind.PEOPLE: _add_metadata,
        MemberKind.PERSON: _add_person,
        MemberKind.MACHINE: _add_metadata,
        MemberKind.LABEL: _add_label,
        MemberKind.OTHER: _add_other,
    }


def _speaker_rank(speaker: tuple[int, Json]) -> int:
    return speaker[0]
