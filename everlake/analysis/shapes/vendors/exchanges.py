"""Exchanges with a bot in one object: what was asked, and what was answered.

For example Dialogflow's ``queryText`` and ``fulfillmentText``, or ``prompt`` and ``completion``.
"""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import normalize_name, word_list
from everlake.analysis.types import PendingValue, Scope

_ASKED = frozenset(
    word_list("querytext prompt usermessage userinput userquery userutterance customermessage "
              "inputtranscript userquestion humanmessage usertext")
)  # fmt: skip
_ANSWERED = frozenset(
    word_list("fulfillmenttext completion botresponse botmessage botreply assistantmessage "
              "assistantresponse modelresponse airesponse agentresponse agentreply agentmessage "
              "generatedtext bottext aimessage")
)  # fmt: skip
_REPEATED = frozenset(word_list("fulfillmentmessages"))
MEMBERS = frozenset(
    {"queryText", "query_text", "prompt", "user_message", "userMessage", "user_input", "userInput",
     "user_query", "userQuery", "user_utterance", "customer_message", "customerMessage",
     "inputTranscript", "user_question", "human_message", "user_text"}
)  # fmt: skip


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return two messages, of the user and of the assistant, and the other members."""
    asked = next((key for key in item if normalize_name(key) in _ASKED), None)
    answered = next((key for key in item if normalize_name(key) in _ANSWERED), None)
    if asked is None or answered is None:
        return None
    question, answer = item[asked], item[answered]
    if not isinstance(question, str) or not isinstance(answer, str):
        return None
    inner = scope._replace(is_root=False)
    rest = {
        key: value
        for key, value in item.items()
        if key not in (asked, answered) and normalize_name(key) not in _REPEATED
    }
    moment = next((item[key] for key in ("timestamp", "created_at", "time") if key in item), None)
    turns = [("user", question), ("assistant", answer)]
    return [
        *(
            PendingValue("", {"role": role, "text": text, "timestamp": moment}, inner)
            for role, text in turns
            if text.strip()
        ),
        PendingValue(name, rest, scope._replace(is_root=False)),
    ]
