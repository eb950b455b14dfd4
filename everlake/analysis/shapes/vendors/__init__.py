"""Objects of vendors that the generic readers cannot read rightly, one module per vendor or kind.

An adapter takes an object and returns the values to read in its place, with the usual member
names, or None for other objects. What it returns must not be an object that it takes.
"""

from collections.abc import Callable

from everlake.analysis.json_decoding import Json
from everlake.analysis.shapes.vendors import (
    app_reviews,
    envelopes,
    exchanges,
    front,
    google_docs,
    intercom,
    json_api,
    json_texts,
    message_parts,
    quotations,
    salesforce_chat,
    slack,
    surveys,
    system_events,
    whatsapp_web,
    zendesk_chat,
)
from everlake.analysis.types import PendingValue, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

ADAPTERS: tuple[
    tuple[frozenset[str], Callable[[str, dict[str, Json], Scope], list[PendingValue] | None]], ...
] = (
    (slack.MEMBERS, slack.adapt),
    (zendesk_chat.MEMBERS, zendesk_chat.adapt),
    (system_events.MEMBERS, system_events.adapt),
    (quotations.MEMBERS, quotations.adapt),
    (front.MEMBERS, front.adapt),
    (app_reviews.MEMBERS, app_reviews.adapt),
    (google_docs.MEMBERS, google_docs.adapt),
    (intercom.MEMBERS, intercom.adapt),
    (json_api.MEMBERS, json_api.adapt),
    (surveys.MEMBERS, surveys.adapt),
    (salesforce_chat.MEMBERS, salesforce_chat.adapt),
    (whatsapp_web.MEMBERS, whatsapp_web.adapt),
    (json_texts.MEMBERS, json_texts.adapt),
    (message_parts.MEMBERS, message_parts.adapt),
    (envelopes.MEMBERS, envelopes.adapt),
    (exchanges.MEMBERS, exchanges.adapt),
)
"""Adapters, each with the names of members of which its objects have at least one."""


def read(
    builder: UtteranceBuilder,  # noqa: ARG001 - the signature of all object shapes
    name: str,
    item: dict[str, Json],
    scope: Scope,
) -> Remaining | None:
    """Leave what the first adapter that knows the object makes of it to the other readers."""
    if scope.is_metadata:
        return None
    for members, adapt in ADAPTERS:
        if not members.isdisjoint(item):
            adapted = adapt(name, item, scope)
            if adapted is not None:
                return adapted
    return None
