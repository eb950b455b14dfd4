"""Roles: the words and flags by which records tell staff (internal) from customers (external)."""

import re

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import normalize_name, word_list

_STAFF = word_list(
    "agent support bot assistant admin administrator operator staff teammate team teammember rep "
    "representative supportagent supportrep csr csm sales salesrep ae sdr bdr seller employee "
    "internal colleague ai aiagent chatbot botuser agentbot virtualassistant voicebot model "
    "interviewer advisor adviser specialist workspacemember company moderator business merchant "
    "virtualagent servicerep"
)
_CUSTOMERS = word_list(
    "customer client visitor enduser lead contact guest caller external buyer prospect requester "
    "consumer human shopper subscriber interviewee respondent patient siteuser sitevisitor appuser "
    "endcustomer portaluser"
)
_NOT_NAMES = frozenset(word_list("business merchant moderator"))
"""Words that are a role only in a member that holds roles."""
_OUTGOING = word_list("outbound outgoing out sent outboundapi outboundreply outboundcall "
                      "outgoingemail agenttocustomer tocustomer businessinitiated")  # fmt: skip
_INCOMING = word_list("inbound incoming in received incomingemail customertoagent fromcustomer "
                      "userinitiated")  # fmt: skip
_ROLE_OF = {**dict.fromkeys(_STAFF, "internal"), **dict.fromkeys(_CUSTOMERS, "external")}
_DIRECTIONS = {**dict.fromkeys(_OUTGOING, "internal"), **dict.fromkeys(_INCOMING, "external")}
_ASSOCIATIONS = {  # GitHub's author_association
    **dict.fromkeys(word_list("owner member collaborator"), "internal"),
    **dict.fromkeys(word_list("none firsttimer firsttimecontributor"), "external"),
}
_DIRECTION_WORDS = frozenset(word_list("inbound outbound incoming outgoing"))
_TRUE_IS_INTERNAL = word_list(
    "fromagent isagent fromstaff isstaff fromadmin isoutbound outbound outgoing isoutgoing fromme "
    "isfromme sentbyagent byagent isoperator isemployee fromus isteammember fromteam frombusiness "
    "isagentreply isfromagent isfromstaff issupport fromoperator isassistant isrep"
)
_TRUE_IS_EXTERNAL = word_list(
    "incoming isincoming inbound isinbound fromcustomer iscustomer isfromcustomer isvisitor "
    "fromvisitor isclient fromclient isfromclient isfromuser isenduser iscontact fromcontact "
    "isfromcontact customersent sentbycustomer islead isguest isrequester"
)
_ONLY_TRUE_IS_INTERNAL = word_list(
    "bot isbot isadmin admin staff moderator ismoderator isprivate private isinternal internal "
    "privatenote isprivatenote internalnote isinternalnote isautomated isautoreply isecho"
)
_ONLY_FALSE_IS_INTERNAL = word_list("public ispublic jsdpublic")
_FLAGS: dict[tuple[str, bool], str] = {
    **{(name, True): "internal" for name in (*_TRUE_IS_INTERNAL, *_ONLY_TRUE_IS_INTERNAL)},
    **{(name, False): "external" for name in _TRUE_IS_INTERNAL},
    **{(name, True): "external" for name in _TRUE_IS_EXTERNAL},
    **{(name, False): "internal" for name in (*_TRUE_IS_EXTERNAL, *_ONLY_FALSE_IS_INTERNAL)},
}
FLAG_NAMES = frozenset(name for name, _ in _FLAGS)
"""Names of members whose truth value tells the speaker's role."""
_WEAK_FLAGS = frozenset((*_ONLY_TRUE_IS_INTERNAL, *_ONLY_FALSE_IS_INTERNAL))
_SEPARATOR = re.compile(r"[-_:. ]")
_MAX_WORD_LENGTH = 40
_STAFF_BESIDE_USER = frozenset(
    word_list("agent admin assistant bot chatbot operator staff teammate ai model support")
)
_CUSTOMERS_BESIDE_USER = frozenset(
    word_list("customer contact visitor lead client guest enduser requester primarycustomer")
)
USER_WORDS = frozenset({"user"})
"""Words for a customer in a chat with staff or a bot, and for staff beside a customer."""


def role_of(word: str) -> str | None:
    """Return ``internal`` or ``external`` for a speaker's name that is a word for a role."""
    name = normalize_name(word) if len(word) <= _MAX_WORD_LENGTH else ""
    if name in _NOT_NAMES:
        return None
    if name in USER_WORDS:
        return "external"
    return _ROLE_OF.get(name) or (_DIRECTIONS[name] if name in _DIRECTION_WORDS else None)


def role_of_value(word: str, member_name: str = "") -> str | None:
    """Return the role for the value of a member that holds roles (``agent:17``, ``outbound-api``).

    ``user`` has none: what it means depends on the rest of the record.
    """
    if len(word) > _MAX_WORD_LENGTH:
        return None
    name = normalize_name(word)
    if member_name and normalize_name(member_name) == "authorassociation":
        return _ASSOCIATIONS.get(name)
    found = _ROLE_OF.get(name) or _DIRECTIONS.get(name)
    if found or name in USER_WORDS:
        return found
    first = _SEPARATOR.split(word.strip(), maxsplit=1)[0].lower()
    if first == name:
        return None
    return _ROLE_OF.get(first) or (_DIRECTIONS[first] if first in _DIRECTION_WORDS else None)


def is_user_word(word: str) -> bool:
    """Return whether a word is ``user``, alone or before a number (``user:17``)."""
    return _SEPARATOR.split(word.strip()[:_MAX_WORD_LENGTH].lower(), maxsplit=1)[0] in USER_WORDS


def role_of_flag(name: str, value: Json) -> tuple[str | None, bool]:
    """Return the role that a flag such as ``from_agent: true`` tells, and whether it is certain."""
    if not isinstance(value, bool):
        return None, False
    key = normalize_name(name)
    return _FLAGS.get((key, value)), key not in _WEAK_FLAGS


def meaning_of_user(words: set[str], names: set[str]) -> str | None:
    """Return the role of a speaker whom a record calls ``user``; None where it does not tell.

    Args:
        words: normalised words for roles in the record.
        names: normalised names of the members that hold objects.
    """
    if "conversationparts" in names:  # Intercom
        return "external"
    if not words.isdisjoint(_STAFF_BESIDE_USER):
        return "external"
    if not (words | names).isdisjoint(_CUSTOMERS_BESIDE_USER):
        return "internal"
    return None
