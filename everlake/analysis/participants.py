"""Who speaks: the names and roles behind what a record calls its speakers."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import normalize_name, word_list
from everlake.analysis.prose import normalize_text
from everlake.contract.envelope import Participant

_INTERNAL = word_list(
    "agent support bot assistant admin administrator operator staff teammate team teammember rep "
    "representative supportagent supportrep csr csm sales salesrep ae sdr bdr seller employee "
    "internal colleague ai chatbot virtualassistant model interviewer outbound outgoing advisor "
    "specialist workspacemember company"
)
_EXTERNAL = word_list(
    "customer client visitor user enduser lead contact guest caller external buyer prospect "
    "requester consumer human shopper subscriber interviewee respondent inbound incoming patient"
)
_ROLE_OF = {**dict.fromkeys(_INTERNAL, "internal"), **dict.fromkeys(_EXTERNAL, "external")}
_MAILBOX = re.compile(r'\s*"?([^"<>]{0,256})"?\s*<([^<>@\s]{1,128}@[^<>\s]{1,256})>\s*')
MAX_NAME = 256

_NAMES = ("name", "displayname", "realname", "fullname", "speakername", "username", "handle",
          "label")  # fmt: skip
_EMAILS = ("email", "emailaddress", "address", "mail")
_IDS = ("id", "speakerid", "userid", "participantid", "uid", "contactid", "authorid", "speaker")
_ROLES = ("role", "affiliation", "type", "kind", "usertype")
_INNER = ("user", "emailaddress", "profile", "contact", "from", "person", "participant", "agent",
          "customer")  # fmt: skip


class Speaker(NamedTuple):
    """How a record's speaker is shown; ``role`` is None where nothing tells it."""

    name: str
    role: str | None


def role_of(word: str) -> str | None:
    """``internal`` or ``external`` for a common role word, else None."""
    return _ROLE_OF.get(normalize_name(word))


class Participants:
    """The participants of one record, found by id, email address or name.

    The envelope's participants come first, then the people its data describes.
    """

    def __init__(self, participants: Sequence[Participant]) -> None:
        self._known: dict[str, Speaker] = {}
        for one in participants:
            name, email = one.name or None, one.email or None
            person = Speaker(_display_name(name or email or one.id), one.role)
            for key in (one.id, email, name):
                if key:
                    self._known.setdefault(key.casefold(), person)

    def add_described(self, people: Json) -> None:
        """Take in a list of people from the data itself (Gong ``parties``, Slack ``users``)."""
        for item in people if isinstance(people, list) else ():
            if not isinstance(item, dict):
                continue
            identities, roles = identities_and_roles(item)
            if len(identities) < 2:
                continue
            role = next((role for word in roles if (role := role_of(word))), None)
            person = self._find(identities) or Speaker(_display_name(identities[0]), role)
            for key in identities:
                self._known.setdefault(key.casefold(), person)

    def resolve(
        self, identities: Sequence[str], roles: Sequence[str]
    ) -> tuple[str | None, str | None]:
        """(speaker, role) of whom ``identities`` name, best known name first.

        The role is that of the participant they match; else what ``roles`` (role words) or the
        identities themselves say; ``unknown`` for a speaker of whom nothing says it.
        """
        mailboxes = [
            part for one in identities if "<" in one and (found := _MAILBOX.fullmatch(one))
            for part in (found[1].strip(), found[2]) if part
        ]  # fmt: skip
        names = [*mailboxes, *identities]
        person = self._find(names)
        role = person.role if person else None
        if role is None or role == "unknown":
            said = next((found for word in (*roles, *names) if (found := role_of(word))), None)
            role = said or role
        if person:
            return person.name, role or "unknown"
        shown = next((shown for name in names if (shown := _display_name(name))), None)
        return (shown, role or "unknown") if shown else (None, role)

    def _find(self, identities: Sequence[str]) -> Speaker | None:
        known = self._known
        if not known:
            return None
        for one in identities:
            person = known.get(one.strip().casefold())
            if person:
                return person
        return None

    def is_known(self, name: str) -> bool:
        """Whether ``name`` is a participant's id, address or name."""
        return name.strip().casefold() in self._known


def identities_and_roles(person: dict[str, Json]) -> tuple[list[str], list[str]]:
    """(identities, role words) of an object that stands for a person; names come first."""
    found: dict[str, str] = {}
    around = [person]
    for one in around[:1]:
        around += [
            x for key, x in one.items() if normalize_name(key) in _INNER and isinstance(x, dict)
        ]
    for one in around:
        for key, value in one.items():
            text = as_identity(value)
            if text is not None:
                found.setdefault(normalize_name(key), text)
    full = " ".join(x for key in ("firstname", "lastname") if (x := found.get(key)))
    names = [x for key in _NAMES if (x := found.get(key))]
    rest = [x for key in (*_EMAILS, *_IDS) if (x := found.get(key))]
    return [*names, *([full] if full else []), *rest], [x for k in _ROLES if (x := found.get(k))]


def as_identity(value: Json) -> str | None:
    """A name, address or id as text; None for anything else."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def _display_name(name: str) -> str:
    return normalize_text(name[:MAX_NAME])
