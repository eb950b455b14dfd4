"""Meaning of member names in JSON objects, regardless of their spelling.

``created_at``, ``createdAt`` and ``Created At`` are the same name. The lists below are the
vocabulary of all shapes: another vendor's word for a known meaning is one more entry here.
"""

import re
from enum import IntEnum, auto
from functools import lru_cache
from typing import NamedTuple


class MemberKind(IntEnum):
    """Kind of value that a member holds."""

    TEXT = auto()  # an utterance; several members of one object are renderings of one text
    REMARK = auto()  # an utterance, unless the object has a TEXT
    HEADLINE = auto()  # a subject or title
    SPEAKER = auto()
    NAME = auto()  # the speaker, or the name of the object
    ROLE = auto()
    TIME = auto()  # a point in time
    OFFSET = auto()  # a time from the start of the recording
    END = auto()  # an offset: the end of the utterance
    START = auto()  # a point in time: the start of the recording
    PEOPLE = auto()  # descriptions of participants
    PERSON = auto()  # description of one person, who is not the speaker
    MACHINE = auto()  # an id, link or hash
    LABEL = auto()  # an enumerated value, such as a status or a channel
    OTHER = auto()


class MemberMeaning(NamedTuple):
    """Meaning of a member name. Of several members of a kind, the lowest ``rank`` is preferred."""

    kind: MemberKind
    rank: int
    html: bool = False
    truncated: bool = False
    """Whether the value may be truncated."""


def word_list(names: str) -> list[str]:
    """Split a list of words that is written as one string."""
    return names.split()


_TEXT_NAMES = word_list(
    "text plain plaintext textplain bodyplain plainbody bodytext textbody strippedtext texttext "
    "displaytext messagetext body message messagebody content contenttext utterance transcript "
    "transcription sentence markdown comment html bodyhtml htmlbody htmlcontent texthtml "
    "strippedhtml rawtext msg richtext richbody fulltext reviewtext reviewbody responsebody "
    "commentbody commenttext messagedata posttext selftext notebody notetext messagecontent "
    "textdisplay textoriginal textcontent nachricht mensaje mensagem messaggio kommentar "
    "commentaire comentario comentário commento opmerking сообщение комментарий "
    "cooked formattedbody formattedtext snippet preview bodypreview excerpt blurb messagepreview"
)
_TRUNCATED_NAMES = frozenset(
    {"snippet", "preview", "bodypreview", "excerpt", "blurb", "messagepreview"}
)
_SPEAKER_NAMES = word_list(
    "speakername fromname authorname sendername participantname speaker "
    "authordisplayname authornickname reviewername reviewernickname reviewerauthor actorname "
    "sendernickname senderdisplayname senderfullname displayusername commentername "
    "postername creatorname from author sender user participant displayname username screenname "
    "profilename pushname notifyname suppliedname openedby nickname membercreator "
    "createdby postedby submittedby commentedby sentby writtenby by writer reviewer "
    "commenter consumer actor reporter creator botactor fromfield u owner speakerlabel fromemail "
    "senderemail suppliedemail authoremail useremail fromaddress speakerid authorid senderid "
    "userid participantid fromid createdbyid actorid creatorid"
)
_FIRST_ID_INDEX = _SPEAKER_NAMES.index("speakerid")
NAME_RANK = 500
"""Rank of ``name`` among the members that name a speaker: after all others but ids."""
ID_RANK = 1_000
"""Rank from which the members that name a speaker hold ids."""
_TIME_NAMES = word_list(
    "saidat sentat spokenat sentdatetime sentdate senttime senttimestamp senton datesent "
    "timesent timestampms timestampmillis timestampunix dateunixtime unixtime unixtimestamp "
    "epoch epochms timestamputc timestamp ts datetimeutc datetime messagetime messagetimestamp "
    "messagedate date time at when datestring writtenat postedat posteddate postedon "
    "publishedat publisheddate publishedon publishtime commentdate reviewdate occurredat "
    "submittedat submitteddate submissiondate eventat eventtime createdutc createdatutc "
    "createdat created createdtime createddatetime createddate createdon createtime "
    "creationtime creationdate datecreated timecreated dateadded receiveddatetime receivedat "
    "receivedtime receivedon receiveddate received internaldate syscreatedon modifiedat "
    "updatedat updated updatetime"
)
_GROUPS: dict[MemberKind, list[str]] = {
    MemberKind.TEXT: _TEXT_NAMES,
    MemberKind.REMARK: word_list(
        "note notes description remark remarks feedback review answer reply response summary "
        "details detail reason value words caption pros cons likes dislikes advice suggestion "
        "suggestions improvement improvements complaint praise advantages disadvantages verdict "
        "opinion testimonial verbatim raw comments desc"
    ),
    MemberKind.HEADLINE: word_list("subject title headline heading topic shortdescription"),
    MemberKind.SPEAKER: _SPEAKER_NAMES,
    MemberKind.NAME: ["name"],
    MemberKind.ROLE: word_list(
        "role type authortype sendertype usertype speakertype speakerrole authorrole senderrole "
        "participantrole participanttype fromtype affiliation direction isinbound inbound "
        "messagetype messagedirection calldirection actortype authorassociation originator origin "
        "purpose participantpurpose"
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
        "organizer host hosts followers watchers mentions teammates "
        "authors actors senders persons people admins customers operators agentnames "
        "tofields ccfields bccfields consumerparticipants agentparticipants customerparticipants"
    ),
    MemberKind.PERSON: word_list(
        "customer contact visitor requester submitter assignedto closedby updatedby modifiedby "
        "lastmodifiedby editedby deletedby resolvedby primarycustomer receiver recipient operator "
        "lead accountmanager agent client userprofile botprofile person respondent caller patient "
        "cliente kunde kundin klient klant agente mitarbeiter "
        "customername customeremail "
        "contactname contactemail visitorname visitoremail requestername requesteremail "
        "clientname clientemail guestname guestemail patientname leadname callername "
        "agentname agentemail operatorname operatoremail repname advisorname"
    ),
    MemberKind.MACHINE: word_list(
        "uuid guid url uri href permalink sha1 sha256 md5 etag token mimetype contenttype "
        "useragent ip ipaddress timezone tz locale encoding charset cursor avatar icon color "
        "checksum headers inreplyto references base64 messageid threadid conversationid phone "
        "email internetmessageheaders recordtype objecttype cids "
        "nodeid gravatar avatarurl team teamid appid links reactions reaction emojis edited "
        "textentities entityranges session device devicetype os browser city country countrycode "
        "region latitude longitude location system viewer userresource performedvia markdefs "
        "deliveryreceipt currency shortcode filename file files mediatype screenshot viewport "
        "deviceid devicemetadata productmetadata networkmetadata facets subscription "
        "style styles theme webpath repository businessunit "
        "msgtype slug displayrecipient avatartemplate annotations space thread duration jobname "
        "jobid accountid modelname languagecode mime collector collectors recordedwith "
        "useragentstring referer referrer landingpage utm utmsource utmmedium utmcampaign "
        "seed fingerprint hostkey apikey trace traceparent tracestate featureflags experiments "
        "displayedfields displayedvalues integrations traits trackingdata usertitle "
        "authorflairtext toolcalls toolcallid finishreason "
        "appversion sdkversion osversion buildnumber build sdk"
    ),
    MemberKind.LABEL: word_list(
        "status state channel source priority category format language lang object event kind "
        "parttype subtype visibility sentiment severity stage platform provider version medium "
        "via contentformat importance sensitivity inferenceclassification mode tags tag labels "
        "categories flags authorassociation deliveredas representation app department "
        "departmentname statuscode textformat parsemode displaymode useridentitytype territory "
        "truncationstatus senderfield delivery workflowstate fonttype badges topics "
        "issuetype statuscategory project board milestone sprint cycle task channels statuses "
        "priorities collectionmode distributionchannel userlanguage startlanguage "
        "responsestatus finished queue queues skills skill "
        "environment release rating starrating context metadata meta network library "
        "screenresolution nlp destination"
    ),
}
_MEANINGS: dict[str, MemberMeaning] = {}
for _kind, _names in _GROUPS.items():
    for _rank, _name in enumerate(_names):
        if _kind is MemberKind.SPEAKER and _rank >= _FIRST_ID_INDEX:
            _rank += ID_RANK
        _MEANINGS.setdefault(
            _name,
            MemberMeaning(_kind, _rank, html="html" in _name, truncated=_name in _TRUNCATED_NAMES),
        )

_MACHINE_SUFFIXES = frozenset(
    word_list("id ids sid url uri uuid guid hash href token etag sha path locale timezone color")
)
_LABEL_SUFFIXES = frozenset(word_list("type status state"))
_MACHINE_LAST_WORDS = frozenset(
    word_list("key pin password passcode secret code version build language lang currency flag "
              "checksum digest fingerprint cookie ip useragent")
)  # fmt: skip
"""Last words of longer names of machine data, which may be names of prose when they stand alone."""
_TIME_SUFFIXES = frozenset(word_list("at timestamp datetime"))
_OTHER_EVENTS = frozenset(
    word_list(
        "read seen viewed opened clicked delivered replied reply responded response answered "
        "edited edit deleted removed archived closed resolved solved reopened snoozed due expires "
        "expire expired ends ended end finished finish completed completion scheduled assigned "
        "assignment joined left last latest next first processed synced fetched indexed imported "
        "exported scraped crawled acknowledged translated thread parent root pinned reviewed"
    )
)
"""First words of the names of times at which something else happened than a text was said."""
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_MAX_NAME_LENGTH = 64
_MAX_CACHED = 4_096
_cache: dict[str, MemberMeaning] = {}
_OTHER = MemberMeaning(MemberKind.OTHER, 0)


def meaning_of(name: str) -> MemberMeaning:
    """Return the meaning of a member name."""
    return _cache.get(name) or _classify(name)


def normalize_name(name: str) -> str:
    """Return a name in lower case without separators; empty when it is too long for a name."""
    return _normalized(name) if len(name) <= _MAX_NAME_LENGTH else ""


@lru_cache(_MAX_CACHED)
def _normalized(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _classify(name: str) -> MemberMeaning:
    if len(name) > _MAX_NAME_LENGTH:
        return _OTHER
    if name.startswith("@"):  # OData, JSON-LD, attributes of XML
        return MemberMeaning(MemberKind.MACHINE, 0)
    meaning = _MEANINGS.get(normalize_name(name))
    if meaning is None:
        words = _WORDS.findall(name)
        last = words[-1].lower() if words and " " not in name else ""
        if last in _MACHINE_SUFFIXES or (last in _MACHINE_LAST_WORDS and len(words) > 1):
            meaning = MemberMeaning(MemberKind.MACHINE, 0)
        elif last in _LABEL_SUFFIXES:
            meaning = MemberMeaning(MemberKind.LABEL, 0)
        elif last in _TIME_SUFFIXES and len(words) > 1:
            is_other = not _OTHER_EVENTS.isdisjoint(word.lower() for word in words[:-1])
            kind = MemberKind.MACHINE if is_other else MemberKind.TIME
            meaning = MemberMeaning(kind, len(_TIME_NAMES))
        else:
            meaning = _OTHER
    if len(_cache) < _MAX_CACHED:
        _cache[name] = meaning
    return meaning
