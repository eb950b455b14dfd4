"""Participants: display names and roles of the speakers that a record names."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of, normalize_name, word_list
from everlake.analysis.prose import is_machine_text, normalize_text
from everlake.analysis.roles import is_user_word, role_of, role_of_flag, role_of_value
from everlake.contract.envelope import Participant

_MAILBOX = re.compile(r'\s*+"?([^"<>]{0,256}+)"?\s*+<([^<>@\s]{1,128}@[^<>\s]{1,256})>\s*')
MAX_NAME_LENGTH = 256
"""Most characters of a speaker's name."""

_NAMES = word_list(
    "displayname realname globalname fullname name speakername availablename publicname "
    "agentfullname publicdisplayname personname displayvalue"
)
_HANDLES = word_list(
    "nickname nick screenname username userprincipalname handle login label alias slug"
)
FIRST_NAMES = word_list(
    "firstname first givenname fname forename vorname prénom prenom voornaam nome nombre imię"
)
LAST_NAMES = word_list(
    "lastname last familyname surname lname nachname apellido apellidos achternaam cognome "
    "sobrenome nazwisko nom"
)
_EMAILS = word_list("email emailaddress address mail")
_PHONES = word_list("phone phonenumber mobile phonee164")
_IDS = word_list(
    "id speakerid userid participantid uid contactid authorid accountid actorid memberid sid gid "
    "externalid waid openid unionid key speaker urn"
)
_ROLES = word_list(
    "role participantrole speakerrole userrole memberrole affiliation purpose type kind usertype "
    "accounttype sendertype participanttype actortype"
)
_INNER = word_list(
    "user emailaddress profile contact from person participant agent customer attributes member "
    "application bot botprofile identity emailuser senderid"
)
_FLAGS = word_list("isbot isagent isadmin isstaff isinternal bot admin staff isemployee isoperator")
_ACCOUNT_MEMBERS = frozenset(word_list("login nodeid"))
"""Members of an account whose ``type`` tells a person from an organization."""
_PHONE_PREFIX = re.compile(r"(?:whatsapp|sms|tel|messenger|viber):", re.IGNORECASE)
_PHONE = re.compile(r"\+?[\d\s().-]{6,24}")
_NOT_DIGITS = re.compile(r"[^\d]+")
_LAST_FIRST = re.compile(r"([^,<>@]{1,80}), ([^,<>@]{1,80})")


class Speaker(NamedTuple):
    """Display name and role of a speaker; ``role`` is None when it is not known."""

    name: str
    role: str | None


class Participants:
    """Participants of one record, by id, email address and name.

    The envelope's participants take precedence over people that the data describes.

    Args:
        participants: the envelope's ``_participants``.
    """

    def __init__(self, participants: Sequence[Participant]) -> None:
        self._known: dict[str, Speaker] = {}
        self._first_names: dict[str, Speaker | None] = {}
        self.user_role: str | None = None
        """Role of a speaker whom the record calls ``user``, where the record tells."""
        for participant in participants:
            name, email = participant.name or None, participant.email or None
            speaker = Speaker(_display_name(name or email or participant.id), participant.role)
            for key in (participant.id, email, name):
                if key:
                    self._add(key, speaker)
            first, *others = (name or "").split()[:2] or [""]
            if others:
                known = self._first_names.setdefault(first.casefold(), speaker)
                if known is not speaker:
                    self._first_names[first.casefold()] = None

    def _add(self, key: str, speaker: Speaker) -> None:
        self._known.setdefault(key.strip().casefold(), speaker)
        number = _phone_number(key)
        if number:
            self._known.setdefault(number, speaker)

    def add_described(self, people: Json) -> None:
        """Add a list of people from the data (Gong's ``parties``, Slack's ``users``)."""
        for item in people if isinstance(people, list) else ():
            self.add_person(item)

    def add_person(self, item: Json, key: str | None = None) -> None:
        """Add a person from the data: an object, which other members name by ``key``, or a name."""
        if isinstance(item, str) and key is not None:
            identities, roles = [item, key], list[str]()
        elif isinstance(item, dict):
            identities, roles = identities_and_roles(item)
            identities += [key] if key is not None and identities else []
        else:
            return
        role = self._stated_role(roles, ())
        if not identities or (len(identities) < 2 and role is None):
            return
        speaker = self._find(identities) or Speaker(_display_name(identities[0]), role)
        for identity in identities:
            self._add(identity, speaker)

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
            for part in (mailbox[1].strip(" '"), mailbox[2])
            if part
        ]
        names = [*mailboxes, *identities]
        speaker = self._find(names)
        role = speaker.role if speaker else None
        if role is None or role == "unknown":
            role = self._stated_role(roles, names) or role
        if speaker:
            return speaker.name, role or "unknown"
        named = [name for name in names if _is_name(name)] or names
        shown = next((shown for name in named if (shown := _display_name(name))), None)
        return (shown, role or "unknown") if shown else (None, role)

    def _stated_role(self, roles: Sequence[str], names: Sequence[str]) -> str | None:
        """Return the role that words for it tell; ``user`` counts only without any other."""
        for word in roles:
            if role := role_of_value(word):
                return role
        for name in names:
            if not is_user_word(name) and (role := role_of(name)):
                return role
        if self.user_role and any(map(is_user_word, (*roles, *names))):
            return self.user_role
        return next((role for name in names if (role := role_of(name))), None)

    def _find(self, identities: Sequence[str]) -> Speaker | None:
        if not self._known:
            return None
        for identity in identities:
            speaker = self._find_one(identity)
            if speaker:
                return speaker
        if self._first_names:
            for identity in identities:
                speaker = self._first_names.get(identity.strip().casefold())
                if speaker:
                    return speaker
        return None

    def _find_one(self, identity: str) -> Speaker | None:
        key = identity.strip().casefold()
        speaker = self._known.get(key)
        if speaker or not key:
            return speaker
        if key.startswith("@"):
            return self._known.get(key[1:])
        if number := _phone_number(key):
            return self._known.get(number)
        reversed_name = _LAST_FIRST.fullmatch(key) if ", " in key else None
        return self._known.get(f"{reversed_name[2]} {reversed_name[1]}") if reversed_name else None

    def name_of(self, identity: str) -> str | None:
        """Return the name of the participant with this id, address or name; None without one."""
        speaker = self._find_one(identity) if self._known else None
        return speaker.name if speaker else None

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
    flags: list[str] = []
    for description in (person, *inner):
        for key, value in description.items():
            text = as_identity(value)
            name = normalize_name(key)
            if text is not None:
                found.setdefault(name, text)
            elif value is True and name in _FLAGS:
                flags += [role for role in role_of_flag(name, value)[:1] if role]
    first = next((found[key] for key in FIRST_NAMES if key in found), "")
    last = next((found[key] for key in LAST_NAMES if key in found), "")
    full_name = " ".join(part for part in (first, last) if part)
    names = [name for key in _NAMES if (name := found.get(key))]
    names += [full_name] if full_name else []
    names += [name for key in _HANDLES if (name := found.get(key))]
    keys = (*_EMAILS, *_PHONES, *_IDS)
    identities = [*names, *(address for key in keys if (address := found.get(key)))]
    kind = found.get("type", "")
    if kind == "HUMAN" or (kind.lower() == "user" and not _ACCOUNT_MEMBERS.isdisjoint(found)):
        del found["type"]  # A person, and no bot or organization.
    return identities, [*(role for key in _ROLES if (role := found.get(key))), *flags]


def is_person(value: Json) -> bool:
    """Return whether a value describes a person: it has an identity, and no text of its own."""
    return (
        isinstance(value, dict)
        and bool(identities_and_roles(value)[0])
        and not any(
            inner and meaning_of(name).kind in (MemberKind.TEXT, MemberKind.REMARK)
            for name, inner in value.items()
        )
    )


def as_identity(value: Json) -> str | None:
    """Return a name, address or id as text; None for any other value."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def _is_name(identity: str) -> bool:
    """Return whether an identity is a name or an address, and no word for a role and no id."""
    return not role_of(identity) and ("@" in identity or not is_machine_text(identity))


def _phone_number(text: str) -> str | None:
    """Return the key of a phone number in any notation; None for other texts."""
    bare = _PHONE_PREFIX.sub("", text.strip()[:40], count=1)
    if bare == text and not text.startswith("+"):
        return None
    return "tel:" + _NOT_DIGITS.sub("", bare) if _PHONE.fullmatch(bare) else None


def _display_name(name: str) -> str:
    return normalize_text(name[:MAX_NAME_LENGTH])
