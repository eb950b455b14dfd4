"""What a member's name says about its value, however the sender spells it.

``created_at``, ``createdAt`` and ``Created At`` are one name. The lists are the whole
vocabulary of the shapes: a vendor's other word for a known thing is one entry here.
"""

import re
from enum import IntEnum, auto
from typing import NamedTuple


class Kind(IntEnum):
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


class Member(NamedTuple):
    """A name's meaning; of several members of a kind the lowest ``rank`` is preferred."""

    kind: Kind
    rank: int
    html: bool = False
    stump: bool = False
    """Whether the value may be cut off at its end."""


def vocabulary(names: str) -> list[str]:
    """The names in a text that lists them."""
    return names.split()


_TEXT_NAMES = vocabulary(
    "text plain plaintext textplain bodyplain plainbody bodytext textbody strippedtext texttext "
    "displaytext messagetext body message messagebody content contenttext utterance transcript "
    "transcription sentence markdown comment html bodyhtml htmlbody htmlcontent texthtml "
    "strippedhtml rawtext snippet preview bodypreview excerpt"
)
_STUMPS = frozenset({"snippet", "preview", "bodypreview", "excerpt"})
_SPEAKER_NAMES = vocabulary(
    "speakername fromname authorname sendername participantname agentname customername speaker "
    "from author sender user participant displayname username createdby postedby submittedby "
    "writer owner speakerlabel fromemail senderemail authoremail useremail fromaddress speakerid "
    "authorid senderid userid participantid fromid createdbyid"
)
_FIRST_ID = _SPEAKER_NAMES.index("speakerid")
NAME_RANK = 500
ID_RANK = 1_000
_TIME_NAMES = vocabulary(
    "saidat sentat timestamp ts datetime createdat created createdtime createddatetime "
    "sentdatetime receiveddatetime date time occurredat postedat publishedat submittedat "
    "receivedat eventat messagetime internaldate datestring modifiedat updatedat updated"
)
_GROUPS: dict[Kind, list[str]] = {
    Kind.TEXT: _TEXT_NAMES,
    Kind.REMARK: vocabulary(
        "note notes description remark remarks feedback review answer reply response summary "
        "details detail reason value words caption"
    ),
    Kind.HEADLINE: vocabulary("subject title headline heading topic"),
    Kind.SPEAKER: _SPEAKER_NAMES,
    Kind.NAME: ["name"],
    Kind.ROLE: vocabulary(
        "role type authortype sendertype usertype speakertype speakerrole authorrole senderrole "
        "participantrole participanttype fromtype affiliation direction isinbound inbound"
    ),
    Kind.TIME: _TIME_NAMES,
    Kind.OFFSET: vocabulary(
        "start starttime startseconds startsec startsecs startms starttimems startmillis "
        "starttimeseconds offset offsetms offsetmillis offsetseconds begin"
    ),
    Kind.END: vocabulary("end endtime endseconds endsec endms endtimems endmillis endtimeseconds"),
    Kind.START: vocabulary(
        "startedat startdatetime started actualstart actualstarttime callstart callstarttime "
        "meetingstart meetingstarttime recordingstart recordingstarttime begunat"
    ),
    Kind.PEOPLE: vocabulary(
        "participants attendees members parties invitees recipients torecipients ccrecipients "
        "bccrecipients to cc bcc replyto users speakers contacts agents assignee assignees "
        "organizer host hosts followers watchers mentions teammates"
    ),
    Kind.MACHINE: vocabulary(
        "uuid guid url uri href permalink sha1 sha256 md5 etag token mimetype contenttype "
        "useragent ip ipaddress timezone tz locale encoding charset cursor avatar icon color "
        "checksum headers inreplyto references base64 messageid threadid conversationid phone "
        "email username internetmessageheaders recordtype objecttype cids"
    ),
    Kind.LABEL: vocabulary(
        "status state channel source priority category format language lang object event kind "
        "parttype subtype visibility sentiment severity stage platform provider version medium "
        "via contentformat"
    ),
}
_KNOWN: dict[str, Member] = {}
for _kind, _names in _GROUPS.items():
    for _rank, _name in enumerate(_names):
        if _kind is Kind.SPEAKER and _rank >= _FIRST_ID:
            _rank += ID_RANK
        _KNOWN.setdefault(_name, Member(_kind, _rank, html="html" in _name, stump=_name in _STUMPS))

_MACHINE_ENDINGS = frozenset(vocabulary("id ids url uri uuid guid hash href token etag sha path"))
_LABEL_ENDINGS = frozenset(vocabulary("type status state"))
_TIME_ENDINGS = frozenset(vocabulary("at timestamp datetime"))
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_LONGEST = 64
_MOST_REMEMBERED = 4_096
_remembered: dict[str, Member] = {}
_OTHER = Member(Kind.OTHER, 0)


def member(name: str) -> Member:
    """What ``name`` means."""
    return _remembered.get(name) or _classify(name)


def plain_name(name: str) -> str:
    """``name`` in lower case without what stands between its words."""
    return "".join(x for x in name.lower() if x.isalnum()) if len(name) <= _LONGEST else ""


def _classify(name: str) -> Member:
    if len(name) > _LONGEST:
        return _OTHER
    plain = plain_name(name)
    found = _KNOWN.get(plain)
    if found is None:
        words = _WORDS.findall(name)
        last = words[-1].lower() if words and " " not in name else ""
        if last in _MACHINE_ENDINGS:
            found = Member(Kind.MACHINE, 0)
        elif last in _LABEL_ENDINGS:
            found = Member(Kind.LABEL, 0)
        elif last in _TIME_ENDINGS and len(words) > 1:
            found = Member(Kind.TIME, len(_TIME_NAMES))
        else:
            found = _OTHER
    if len(_remembered) < _MOST_REMEMBERED:
        _remembered[name] = found
    return found
