"""What a member's name says about its value, however the sender spells it.

``created_at``, ``createdAt`` and ``Created At`` are one name. The lists are the whole
vocabulary of the shapes: a vendor's other word for a known thing is one entry here.
"""

import re
from enum import IntEnum, auto
from typing import NamedTuple


class MemberKind(IntEnum):
    """What a member holds."""

    TEXT = auto()  # what was said; members of one object with it are renderings of one text
    REMARK = auto()  # what was said, where the object has no TEXT
    HEADLINE = auto()  # subject, title
    SPEAKER = auto()
    NAME = auto()  # the speaker, or what the object is called
    ROLE = auto()
    TIME = auto()
    OFFSET = auto()  # from the start of the recording
    END = auto()
    START = auto()  # when the recording began
    PEOPLE = auto()  # who was there
    MACHINE = auto()  # ids, links, hashes
    LABEL = auto()  # a word of a fixed set: status, channel
    OTHER = auto()


class MemberMeaning(NamedTuple):
    """A name's meaning; of several members of a kind the lowest ``rank`` is preferred."""

    kind: MemberKind
    rank: int
    html: bool = False
    truncated: bool = False
    """Whether the value may be cut off at its end."""


def word_list(names: str) -> list[str]:
    """The names in a text that lists them."""
    return names.split()


_TEXT_NAMES = word_list(
    "text plain plaintext textplain bodyplain plainbody bodytext textbody strippedtext texttext "
    "displaytext messagetext body message messagebody content contenttext utterance transcript "
    "transcription sentence markdown comment html bodyhtml htmlbody htmlcontent texthtml "
    "strippedhtml rawtext snippet preview bodypreview excerpt"
)
_TRUNCATED_NAMES = frozenset({"snippet", "preview", "bodypreview", "excerpt"})
_SPEAKER_NAMES = word_list(
    "speakername fromname authorname sendername participantname agentname customername speaker "
    "from author sender user participant displayname username createdby postedby submittedby "
    "writer owner speakerlabel fromemail senderemail authoremail useremail fromaddress speakerid "
    "authorid senderid userid participantid fromid createdbyid"
)
_FIRST_ID = _SPEAKER_NAMES.index("speakerid")
NAME_RANK = 500
ID_RANK = 1_000
_TIME_NAMES = word_list(
    "saidat sentat timestamp ts datetime createdat created createdtime createddatetime "
    "sentdatetime receiveddatetime date time occurredat postedat publishedat submittedat "
    "receivedat eventat messagetime internaldate datestring modifiedat updatedat updated"
)
_GROUPS: dict[MemberKind, list[str]] = {
    MemberKind.TEXT: _TEXT_NAMES,
    MemberKind.REMARK: word_list(
        "note notes description remark remarks feedback review answer reply response summary "
        "details detail reason value words caption"
    ),
    MemberKind.HEADLINE: word_list("subject title headline heading topic"),
    MemberKind.SPEAKER: _SPEAKER_NAMES,
    MemberKind.NAME: ["name"],
    MemberKind.ROLE: word_list(
        "role type authortype sendertype usertype speakertype speakerrole authorrole senderrole "
        "participantrole participanttype fromtype affiliation direction isinbound inbound"
    ),
    MemberKind.TIME: _TIME_NAMES,
    MemberKind.OFFSET: word_list(
        "start starttime startseconds startsec startsecs startms starttimems startmillis "
        "starttimeseconds offset offsetms offsetmillis offsetseconds begin"
    ),
    MemberKind.END: word_list(
        "end endtime endseconds endsec endms endtimems endmillis endtimeseconds"
    ),
    MemberKind.START: word_list(
        "startedat startdatetime started actualstart actualstarttime callstart callstarttime "
        "meetingstart meetingstarttime recordingstart recordingstarttime begunat"
    ),
    MemberKind.PEOPLE: word_list(
        "participants attendees members parties invitees recipients torecipients ccrecipients "
        "bccrecipients to cc bcc replyto users speakers contacts agents assignee assignees "
        "organizer host hosts followers watchers mentions teammates"
    ),
    MemberKind.MACHINE: word_list(
        "uuid guid url uri href permalink sha1 sha256 md5 etag token mimetype contenttype "
        "useragent ip ipaddress timezone tz locale encoding charset cursor avatar icon color "
        "checksum headers inreplyto references base64 messageid threadid conversationid phone "
        "email username internetmessageheaders recordtype objecttype cids"
    ),
    MemberKind.LABEL: word_list(
        "status state channel source priority category format language lang object event kind "
        "parttype subtype visibility sentiment severity stage platform provider version medium "
        "via contentformat"
    ),
}
_MEANINGS: dict[str, MemberMeaning] = {}
for _kind, _names in _GROUPS.items():
    for _rank, _name in enumerate(_names):
        if _kind is MemberKind.SPEAKER and _rank >= _FIRST_ID:
            _rank += ID_RANK
        _MEANINGS.setdefault(
            _name,
            MemberMeaning(_kind, _rank, html="html" in _name, truncated=_name in _TRUNCATED_NAMES),
        )

_MACHINE_SUFFIXES = frozenset(word_list("id ids url uri uuid guid hash href token etag sha path"))
_LABEL_SUFFIXES = frozenset(word_list("type status state"))
_TIME_SUFFIXES = frozenset(word_list("at timestamp datetime"))
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_MAX_NAME_LENGTH = 64
_MAX_CACHED = 4_096
_cache: dict[str, MemberMeaning] = {}
_OTHER = MemberMeaning(MemberKind.OTHER, 0)


def meaning_of(name: str) -> MemberMeaning:
    """What ``name`` means."""
    return _cache.get(name) or _classify(name)


def normalize_name(name: str) -> str:
    """``name`` in lower case without what stands between its words."""
    return "".join(x for x in name.lower() if x.isalnum()) if len(name) <= _MAX_NAME_LENGTH else ""


def _classify(name: str) -> MemberMeaning:
    if len(name) > _MAX_NAME_LENGTH:
        return _OTHER
    plain = normalize_name(name)
    found = _MEANINGS.get(plain)
    if found is None:
        words = _WORDS.findall(name)
        last = words[-1].lower() if words and " " not in name else ""
        if last in _MACHINE_SUFFIXES:
            found = MemberMeaning(MemberKind.MACHINE, 0)
        elif last in _LABEL_SUFFIXES:
            found = MemberMeaning(MemberKind.LABEL, 0)
        elif last in _TIME_SUFFIXES and len(words) > 1:
            found = MemberMeaning(MemberKind.TIME, len(_TIME_NAMES))
        else:
            found = _OTHER
    if len(_cache) < _MAX_CACHED:
        _cache[name] = found
    return found
