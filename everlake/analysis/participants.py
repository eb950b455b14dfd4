"""Participants: display names and roles of the speakers that a record names."""

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
_MAILBOX = re.compile(r'\s*+"?([^"<>]{0,256}+)"?\s*+<([^<>@\s]{1,128}@[^<>\s]{1,256})>\s*')
MAX_NAME_LENGTH = 256
"""Most characters of a speaker's name."""

_NAMES = ("name", "displayname", "realname", "fullname", "speakername", "username", "handle",
          "label")  # fmt: skip
_EMAILS = ("email", "emailaddress", "address", "mail")
_IDS = ("id", "speakerid", "userid", "participantid", "uid", "contactid", "authorid", "speaker")
_ROLES = ("role", "affiliation", "type", "kind", "usertype")
_INNER = ("user", "emailaddress", "profile", "contact", "from", "person", "participant", "agent",
          "customer")  # fmt: skip


class Speaker(NamedTuple):
    """Display name and role of a speaker; ``role`` is None when it is not known."""

    name: str
    role: str | None


def role_of(word: str) -> str | None:
    """Return ``internal`` or ``external`` for a common word for a role, else None."""
    return _ROLE_OF.get(normalize_name(word))


class Participants:
    """Participants of one record, by id, email address and name.

    The envelope's participants take precedence over people that the data describes.

    Args:
        participants: the envelope's ``_participants``.
    """

    def __init__(self, participants: Sequence[Participant]) -> None:
        self._known: dict[str, Speaker] = {}
        for participant in participants:
            name, email = participant.name or None, participant.email or None
            speaker = Speaker(_display_name(name or email or participant.id), participant.role)
            for key in (participant.id, email, name):
                if key:
                    self._known.setdefault(key.casefold(), speaker)

    def add_described(self, people: Json) -> None:
        """Add a list of people from the data (Gong's ``parties``, Slack's ``users``)."""
        for item in people if isinstance(people, list) else ():
            if not isinstance(item, dict):
                continue
            identities, roles = identities_and_roles(item)
            if len(identities) < 2:
                continue
            role = next((role for word in roles if (role := role_of(word))), None)
            speaker = self._find(identities) or Speaker(_display_name(identities[0]), role)
            for key in identities:
                self._known.setdefault(key.casefold(), speaker)

    def resolve(
        self, identities: Sequence[str], roles: Sequence[str]
    ) -> tuple[str | None, str | None]:
        """Return the display name and the role of a speaker.

        Args:
            identities: names, addresses and ids of the speaker, the best name first.
            roles: words for the speaker's role.

        Returns:
            The name, or None when there is none; and the role, which is that of the matching
            participant, else that of ``roles`` or ``identities``, else ``unknown`` for a speaker
            with a name, and None without.
        """
        mailboxes = [
            part
            for identity in identities
            if "<" in identity and (mailbox := _MAILBOX.fullmatch(identity))
            for part in (mailbox[1].strip(), mailbox[2])
            if part
        ]
        names = [*mailboxes, *identities]
        speaker = self._find(names)
        role = speaker.role if speaker else None
        if role is None or role == "unknown":
            stated = next((found for word in (*roles, *names) if (found := role_of(word))), None)
            role = stated or role
        if speaker:
            return speaker.name, role or "unknown"
        shown = next((shown for name in names if (shown := _display_name(name))), None)
        return (shown, role or "unknown") if shown else (None, role)

    def _find(self, identities: Sequence[str]) -> Speaker | None:
        if not self._known:
            return None
        for identity in identities:
            speaker = self._known.get(identity.strip().casefold())
            if speaker:
                return speaker
        return None

    def is_known(self, name: str) -> bool:
        """Return whether ``name`` is the id, address or name of a participant."""
        return name.strip().casefold() in self._known


def identities_and_roles(person: dict[str, Json]) -> tuple[list[str], list[str]]:
    """Return the identities, names first, and the role words of an object describing a person."""
    inner = [
        value
        for key, value in person.items()
        if normalize_name(key) in _INNER and isinstance(value, dict)
    ]
    found: dict[str, str] = {}
    for description in (person, *inner):
        for key, value in description.items():
            text = as_identity(value)
            if text is not None:
                found.setdefault(normalize_name(key), text)
    full_name = " ".join(part for key in ("firstname", "lastname") if (part := found.get(key)))
    names = [name for key in _NAMES if (name := found.get(key))]
    addresses = [address for key in (*_EMAILS, *_IDS) if (address := found.get(key))]
    identities = [*names, *([full_name] if full_name else []), *addresses]
    return identities, [role for key in _ROLES if (role := found.get(key))]


def as_identity(value: Json) -> str | None:
    """Return a name, address or id as text; None for any other value."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def _display_name(name: str) -> str:
    return normalize_text(name[:MAX_NAME_LENGTH])
