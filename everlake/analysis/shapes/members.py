"""An object's members, sorted by what their names say they are."""

from collections.abc import Callable

from everlake.analysis.decode import Json
from everlake.analysis.names import ID_RANK, NAME_RANK, Kind, Member, member, plain_name
from everlake.analysis.people import LONGEST_NAME, describe, identity
from everlake.analysis.prose import is_machine_word, is_sentence
from everlake.analysis.reading import Reading, Scope, Voice
from everlake.analysis.shapes.richtext import renderings
from everlake.analysis.shapes.when import said_at

_TITLED = frozenset({"document", "spreadsheet", "meeting_notes"})
_SIGNED = frozenset({"message", "conversation"})
_ROLE_RANK = 2_000
_LONGEST_ROLE = 40


class Members:
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

    def __init__(self, reading: Reading, item: dict[str, Json], scope: Scope) -> None:
        self.texts: list[tuple[str, str, Member]] = []
        self.remarks: list[tuple[str, str, Member]] = []
        self.speakers: list[tuple[int, Json]] = []
        self.roles: list[str] = []
        self.times: list[tuple[int, Json]] = []
        self.offsets: list[tuple[int, str, Json]] = []
        self.headlines: list[str] = []
        self.doubtful: list[str] = []
        self.end: Json = None
        self.rest: list[tuple[str, Json, bool]] = []
        record_type = reading.record_type
        self.name_is_title = record_type in _TITLED or (scope.top and record_type not in _SIGNED)
        for name, value in item.items():
            if value is not None and value != "":
                found = member(name)
                _TAKE[found.kind](self, name, value, found)
        if self.remarks:
            self.doubtful += [x[1] for x in self.remarks if is_machine_word(x[1])]
            self.remarks = [x for x in self.remarks if not is_machine_word(x[1])]
            if self.texts:
                self.rest += [(name, text, False) for name, text, _ in self.remarks]

    def voice(self, reading: Reading, length: int, scope: Scope) -> Voice:
        """Who says a text of ``length`` characters here, and when."""
        moment = None
        if self.times or self.offsets:
            moment = said_at(self.times, self.offsets, self.end, length, scope.start)
        if not self.speakers and not self.roles:
            return Voice(None, None, moment)
        if len(self.speakers) > 1:
            self.speakers.sort(key=_speaker_rank)
        names: list[str] = []
        roles = self.roles.copy()
        for rank, value in self.speakers:
            if isinstance(value, str):
                names.append(value)
            else:
                self._described(reading, rank, value, names, roles)
        speaker, role = reading.voice_of(tuple(names), tuple(roles))
        return Voice(speaker, role, moment)

    def _described(
        self, reading: Reading, rank: int, value: Json, names: list[str], roles: list[str]
    ) -> None:
        if isinstance(value, list):
            first, others = (value[0], value[1:]) if value else (None, [])
            self.rest.append(("", others if isinstance(first, dict) else value, True))
            value = first
        if isinstance(value, dict):
            described, more = describe(value)
            names += described
            roles += more
            if any(isinstance(x, dict | list) or (isinstance(x, str) and " " in x)
                   for x in value.values()):  # fmt: skip
                self.rest.append(("", value, True))
        elif (text := identity(value)) is not None:
            numbered = rank < ID_RANK and isinstance(value, int) and len(text) < 4
            numbered = numbered and not reading.people.knows(text)
            names.append(f"Speaker {text}" if numbered else text)

    def text(self, name: str, value: Json, found: Member) -> None:
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
            self.other(name, value, found)

    def remark(self, name: str, value: Json, found: Member) -> None:
        if isinstance(value, str):
            self.remarks.append((name, value, found))
        else:
            self.other(name, value, found)

    def speaker(self, _name: str, value: Json, found: Member) -> None:
        if isinstance(value, str) and len(value) > LONGEST_NAME:
            self.doubtful.append(value)
        self.speakers.append((found.rank, value))

    def name(self, name: str, value: Json, found: Member) -> None:
        if not isinstance(value, str):
            self.other(name, value, found)
        elif self.name_is_title:
            self.headlines.append(value)
        else:
            self.speakers.append((NAME_RANK, value))

    def role(self, name: str, value: Json, found: Member) -> None:
        if isinstance(value, bool) and plain_name(name).endswith("inbound"):
            self.roles.append("inbound" if value else "outbound")
        elif isinstance(value, str):
            self.roles.append(value)
            if name == "role" and len(value) <= _LONGEST_ROLE:
                self.speakers.append((_ROLE_RANK, value))
            else:
                self.label(name, value, found)
        else:
            self.other(name, value, found)

    def headline(self, name: str, value: Json, found: Member) -> None:
        if isinstance(value, str):
            self.headlines.append(value)
        else:
            self.other(name, value, found)

    def time(self, name: str, value: Json, found: Member) -> None:
        if isinstance(value, str) and is_sentence(value):
            self.doubtful.append(value)
        elif isinstance(value, dict | list):
            self.rest.append((name, value, True))
        elif found.kind is Kind.TIME:
            self.times.append((found.rank, value))
        elif found.kind is Kind.OFFSET:
            self.offsets.append((found.rank, name, value))
        elif found.kind is Kind.END:
            self.end = value

    def doubt(self, name: str, value: Json, _found: Member) -> None:
        if isinstance(value, str):
            self.doubtful.append(value)
        elif isinstance(value, dict | list):
            self.rest.append((name, value, True))

    def label(self, name: str, value: Json, found: Member) -> None:
        if isinstance(value, str) and " " not in value.strip():
            self.doubtful.append(value)
        else:
            self.other(name, value, found)

    def other(self, name: str, value: Json, _found: Member) -> None:
        if isinstance(value, str | dict | list) or " " in name:
            self.rest.append((name, value, False))


_TAKE: dict[Kind, Callable[[Members, str, Json, Member], None]] = {
    Kind.TEXT: Members.text,
    Kind.REMARK: Members.remark,
    Kind.HEADLINE: Members.headline,
    Kind.SPEAKER: Members.speaker,
    Kind.NAME: Members.name,
    Kind.ROLE: Members.role,
    Kind.TIME: Members.time,
    Kind.OFFSET: Members.time,
    Kind.END: Members.time,
    Kind.START: Members.time,
    Kind.PEOPLE: Members.doubt,
    Kind.MACHINE: Members.doubt,
    Kind.LABEL: Members.label,
    Kind.OTHER: Members.other,
}


def _speaker_rank(speaker: tuple[int, Json]) -> int:
    return speaker[0]
