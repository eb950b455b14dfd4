"""An object's members, sorted by what their names say they are."""

from collections.abc import Callable

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import (
    ID_RANK,
    NAME_RANK,
    MemberKind,
    MemberMeaning,
    meaning_of,
    normalize_name,
)
from everlake.analysis.participants import MAX_NAME, as_identity, identities_and_roles
from everlake.analysis.prose import is_machine_text, is_sentence
from everlake.analysis.shapes.rich_text import renderings
from everlake.analysis.shapes.time_members import time_said
from everlake.analysis.utterance_builder import Attribution, Scope, UtteranceBuilder

_TITLED_TYPES = frozenset({"document", "spreadsheet", "meeting_notes"})
_SIGNED_TYPES = frozenset({"message", "conversation"})
_ROLE_RANK = 2_000
_MAX_ROLE_LENGTH = 40


class MemberGroups:
    """What one object says of itself.

    Attributes:
        texts: (member's name, text, what the name means) of renderings of what is said.
        remarks: the same of members that say something where there are no ``texts``.
        rest: (name, value, whether it describes people or is machine data) of what the other
            attributes do not hold.
        doubtful: strings that are hardly prose.
    """

    __slots__ = (
        "doubtful",
        "end",
        "headlines",
        "name_is_title",
        "offsets",
        "remarks",
        "rest",
        "roles",
        "speakers",
        "texts",
        "times",
    )

    def __init__(self, reading: UtteranceBuilder, item: dict[str, Json], scope: Scope) -> None:
        self.texts: list[tuple[str, str, MemberMeaning]] = []
        self.remarks: list[tuple[str, str, MemberMeaning]] = []
        self.speakers: list[tuple[int, Json]] = []
        self.roles: list[str] = []
        self.times: list[tuple[int, Json]] = []
        self.offsets: list[tuple[int, str, Json]] = []
        self.headlines: list[str] = []
        self.doubtful: list[str] = []
        self.end: Json = None
        self.rest: list[tuple[str, Json, bool]] = []
        record_type = reading.record_type
        self.name_is_title = record_type in _TITLED_TYPES or (
            scope.top and record_type not in _SIGNED_TYPES
        )
        for name, value in item.items():
            if value is not None and value != "":
                found = meaning_of(name)
                _TAKE_BY_KIND[found.kind](self, name, value, found)
        if self.remarks:
            self.doubtful += [x[1] for x in self.remarks if is_machine_text(x[1])]
            self.remarks = [x for x in self.remarks if not is_machine_text(x[1])]
            if self.texts:
                self.rest += [(name, text, False) for name, text, _ in self.remarks]

    def attribution(self, reading: UtteranceBuilder, length: int, scope: Scope) -> Attribution:
        """Who says a text of ``length`` characters here, and when."""
        moment = None
        if self.times or self.offsets:
            moment = time_said(self.times, self.offsets, self.end, length, scope.start)
        if not self.speakers and not self.roles:
            return Attribution(None, None, moment)
        if len(self.speakers) > 1:
            self.speakers.sort(key=_speaker_rank)
        names: list[str] = []
        roles = self.roles.copy()
        for rank, value in self.speakers:
            if isinstance(value, str):
                names.append(value)
            else:
                self._add_described_speaker(reading, rank, value, names, roles)
        speaker, role = reading.resolve_speaker(tuple(names), tuple(roles))
        return Attribution(speaker, role, moment)

    def _add_described_speaker(
        self, reading: UtteranceBuilder, rank: int, value: Json, names: list[str], roles: list[str]
    ) -> None:
        if isinstance(value, list):
            first, others = (value[0], value[1:]) if value else (None, [])
            self.rest.append(("", others if isinstance(first, dict) else value, True))
            value = first
        if isinstance(value, dict):
            described, more = identities_and_roles(value)
            names += described
            roles += more
            if any(isinstance(x, dict | list) or (isinstance(x, str) and " " in x)
                   for x in value.values()):  # fmt: skip
                self.rest.append(("", value, True))
        elif (text := as_identity(value)) is not None:
            numbered = rank < ID_RANK and isinstance(value, int) and len(text) < 4
            numbered = numbered and not reading.participants.is_known(text)
            names.append(f"Speaker {text}" if numbered else text)

    def take_text(self, name: str, value: Json, found: MemberMeaning) -> None:
        if isinstance(value, str):
            if value.strip():
                self.texts.append((name, value, found))
        elif isinstance(value, dict | list):
            rendered = renderings(name, value, found)
            if rendered is None:
                self.rest.append((name, value, False))
            else:
                self.texts += rendered[0]
                self.rest += [(name, other, doubtful) for other, doubtful in rendered[1]]
        else:
            self.take_other(name, value, found)

    def take_remark(self, name: str, value: Json, found: MemberMeaning) -> None:
        if isinstance(value, str):
            self.remarks.append((name, value, found))
        else:
            self.take_other(name, value, found)

    def take_speaker(self, _name: str, value: Json, found: MemberMeaning) -> None:
        if isinstance(value, str) and len(value) > MAX_NAME:
            self.doubtful.append(value)
        self.speakers.append((found.rank, value))

    def take_name(self, name: str, value: Json, found: MemberMeaning) -> None:
        if not isinstance(value, str):
            self.take_other(name, value, found)
        elif self.name_is_title:
            self.headlines.append(value)
        else:
            self.speakers.append((NAME_RANK, value))

    def take_role(self, name: str, value: Json, found: MemberMeaning) -> None:
        if isinstance(value, bool) and normalize_name(name).endswith("inbound"):
            self.roles.append("inbound" if value else "outbound")
        elif isinstance(value, str):
            self.roles.append(value)
            if name == "role" and len(value) <= _MAX_ROLE_LENGTH:
                self.speakers.append((_ROLE_RANK, value))
            else:
                self.take_label(name, value, found)
        else:
            self.take_other(name, value, found)

    def take_title(self, name: str, value: Json, found: MemberMeaning) -> None:
        if isinstance(value, str):
            self.headlines.append(value)
        else:
            self.take_other(name, value, found)

    def take_time(self, name: str, value: Json, found: MemberMeaning) -> None:
        if isinstance(value, str) and is_sentence(value):
            self.doubtful.append(value)
        elif isinstance(value, dict | list):
            self.rest.append((name, value, True))
        elif found.kind is MemberKind.TIME:
            self.times.append((found.rank, value))
        elif found.kind is MemberKind.OFFSET:
            self.offsets.append((found.rank, name, value))
        elif found.kind is MemberKind.END:
            self.end = value

    def take_metadata(self, name: str, value: Json, _found: MemberMeaning) -> None:
        if isinstance(value, str):
            self.doubtful.append(value)
        elif isinstance(value, dict | list):
            self.rest.append((name, value, True))

    def take_label(self, name: str, value: Json, found: MemberMeaning) -> None:
        if isinstance(value, str) and " " not in value.strip():
            self.doubtful.append(value)
        else:
            self.take_other(name, value, found)

    def take_other(self, name: str, value: Json, _found: MemberMeaning) -> None:
        if isinstance(value, str | dict | list) or " " in name:
            self.rest.append((name, value, False))


_TAKE_BY_KIND: dict[MemberKind, Callable[[MemberGroups, str, Json, MemberMeaning], None]] = {
    MemberKind.TEXT: MemberGroups.take_text,
    MemberKind.REMARK: MemberGroups.take_remark,
    MemberKind.HEADLINE: MemberGroups.take_title,
    MemberKind.SPEAKER: MemberGroups.take_speaker,
    MemberKind.NAME: MemberGroups.take_name,
    MemberKind.ROLE: MemberGroups.take_role,
    MemberKind.TIME: MemberGroups.take_time,
    MemberKind.OFFSET: MemberGroups.take_time,
    MemberKind.END: MemberGroups.take_time,
    MemberKind.START: MemberGroups.take_time,
    MemberKind.PEOPLE: MemberGroups.take_metadata,
    MemberKind.MACHINE: MemberGroups.take_metadata,
    MemberKind.LABEL: MemberGroups.take_label,
    MemberKind.OTHER: MemberGroups.take_other,
}


def _speaker_rank(speaker: tuple[int, Json]) -> int:
    return speaker[0]
