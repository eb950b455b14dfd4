"""Messages that repeat the one they answer, or hold the answer of the house."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of, normalize_name, word_list
from everlake.analysis.roles import FLAG_NAMES
from everlake.analysis.shapes.vendors.leftovers import leftovers
from everlake.analysis.types import PendingValue, Scope

_QUOTED = (
    "referenced_message", "reply_to_message", "quoted_message", "quotedMessage", "quoted_msg",
    "quotedMsg", "parent_message", "replied_message", "repliedTo", "quoted", "quote",
)  # fmt: skip
_SENDER_KINDS = frozenset(
    {MemberKind.SPEAKER, MemberKind.NAME, MemberKind.ROLE, MemberKind.TIME, MemberKind.PERSON}
)
_REPLY_NAMES = word_list(
    "replycontent replytext replycomment replybody developerreply developerresponse ownerresponse "
    "ownerreply companyreply businessreply businessresponse reviewreply sellerreply vendorreply "
    "merchantreply hostreply responsefromowner responsefromownertext managementresponse"
)
_REPLY_TIMES = frozenset(
    word_list("repliedat replydate replytime replyat responsedate responseat replycreatedat "
              "responsefromownerdate developerresponsedate")
)  # fmt: skip
MEMBERS = frozenset(
    {*_QUOTED, "replyContent", "replyText", "reply_text", "reply_content", "replyComment",
     "reply_body", "developerReply", "developer_reply", "developerResponse", "developer_response",
     "ownerResponse", "owner_response", "ownerReply", "companyReply", "businessReply",
     "business_response", "businessResponse", "reviewReply", "review_reply", "sellerReply",
     "seller_reply", "vendorReply", "hostReply", "responseFromOwner", "responseFromOwnerText",
     "managementResponse", "owner_reply", "company_reply"}
)  # fmt: skip


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return the message, then what it repeats without a speaker, or the reply from inside."""
    own: dict[str, Json] = {}
    quotations: list[PendingValue] = []
    replies: list[Json] = []
    reply_time: Json = None
    inner = scope._replace(is_root=False)
    for key, value in item.items():
        word = normalize_name(key)
        if key in _QUOTED and isinstance(value, dict) and value:
            words = _without_sender(value)
            quotations += (PendingValue("", words, inner), leftovers(value, words, inner))
        elif word in _REPLY_TIMES:
            reply_time = value
        elif word in _REPLY_NAMES and value:
            replies.append(value)
        else:
            own[key] = value
    if not quotations and not replies:
        return None
    answers = [PendingValue("", _reply(reply, reply_time), inner) for reply in replies]
    return [PendingValue(name, own, scope), *quotations, *answers]


def _without_sender(message: dict[str, Json]) -> dict[str, Json]:
    """Return a message of which nobody is the speaker here."""
    return {
        name: value
        for name, value in message.items()
        if meaning_of(name).kind not in _SENDER_KINDS and normalize_name(name) not in FLAG_NAMES
    }


def _reply(reply: Json, reply_time: Json) -> Json:
    if isinstance(reply, dict):
        return {**reply, "direction": "outbound"}
    if isinstance(reply, str):
        return {"text": reply, "direction": "outbound", "created_at": reply_time}
    return reply
