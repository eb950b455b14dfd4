"""``GET /api/v1/ingest/batches/{batchId}/events``: a batch's changes as they come.

Server-sent events (WHATWG HTML, 9.2).
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from litestar import Request, get
from litestar.response.sse import ServerSentEventMessage
from litestar.types import ASGIApp, Receive, Scope, Send

from everlake.api.routes.batches import get_existing_batch
from everlake.api.services import Services, api_key_of, require_permission
from everlake.api.subscriptions import BatchSubscription, BatchSubscriptions
from everlake.catalog.api_keys import ApiKey
from everlake.catalog.batch_events import BatchEvent, EventId, events_since
from everlake.catalog.batches import BatchRow
from everlake.timeouts import run_with_timeout

EVENT_NAME = "batch"
RETRY_MS = 1_000
HEARTBEAT_SECONDS = 15.0
"""So that nobody on the way takes a quiet stream for a dead one (WHATWG HTML, 9.2.7)."""

_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    # Proxies that know this header pass every event on at once.
    (b"x-accel-buffering", b"no"),
]


@get(
    "/api/v1/ingest/batches/{batch_id:str}/events",
    guards=[require_permission("api:read", "api:write")],
)
async def batch_events(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> ASGIApp:
    """The batch as it is, then as it becomes, until nothing more becomes of it.

    That is when it is ``FAILED``, or ``COMPLETE`` and all of its attachments are settled.
    """
    key = api_key_of(request)
    row = await run_with_timeout(
        services.database_timeout, get_existing_batch, services.catalog, key.workspace_id, batch_id
    )
    after = EventId.parse(request.headers.get("last-event-id", ""))
    if row.is_settled and not any(events_since(row, after)):
        return _no_further_events
    return _EventStream(services.subscriptions, key, row, after)


async def _no_further_events(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI
    # A browser's EventSource comes again after the end of any answer but this.
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class _EventStream:
    """The answer: an ASGI application that writes events until there are no more."""

    def __init__(
        self, watches: BatchSubscriptions, key: ApiKey, row: BatchRow, after: EventId | None
    ) -> None:
        self._watches = watches
        self._key = key
        self._row = row
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Answer.

        Raises:
            WireError: ``UNAVAILABLE`` where too many streams are open.
        """
        with self._watches.subscribe(self._key, self._row) as watch:
            leaving = asyncio.create_task(_close_on_disconnect(receive, watch))
            try:
                await send(
                    {"type": "http.response.start", "status": 200, "headers": _HEADERS.copy()}
                )
                async for message in event_messages(watch, self._after):
                    await send(
                        {"type": "http.response.body", "body": message.encode(), "more_body": True}
                    )
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                leaving.cancel()


async def _close_on_disconnect(receive: Receive, subscription: BatchSubscription) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    subscription.close()


async def event_messages(
    subscription: BatchSubscription, after: EventId | None
) -> AsyncGenerator[ServerSentEventMessage]:
    """What is sent of a watched batch, of which ``after`` was seen."""
    yield ServerSentEventMessage(data=None, retry=RETRY_MS)
    while not subscription.is_closed:
        row = subscription.row
        for change in events_since(row, after):
            after = change.event_id
            yield _encode_event(change)
        if row.is_settled:
            return
        if not await subscription.wait_for_change(HEARTBEAT_SECONDS):
            yield ServerSentEventMessage(data=None, comment="")


def _encode_event(change: BatchEvent) -> ServerSentEventMessage:
    data = msgspec.json.encode(change.batch)
    return ServerSentEventMessage(data=data, event=EVENT_NAME, id=str(change.event_id))
