"""Server-sent events of a batch (WHATWG HTML, 9.2)."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec
from litestar.response.sse import ServerSentEventMessage
from litestar.types import Receive, Scope, Send

from everlake.api.streaming import wait_for_disconnect
from everlake.api.subscriptions import BatchSubscription, BatchSubscriptions
from everlake.catalog.batch_events import BatchEvent, EventId, events_since
from everlake.contract.batches import HEARTBEAT_SECONDS
from everlake.contract.media_types import EVENT_STREAM
from everlake.identity.types import Principal
from everlake.model.batches import BatchRow

EVENT_NAME = "batch"
RETRY_MS = 1_000
"""Milliseconds that a client waits before it reconnects."""

_HEADERS = [
    (b"content-type", EVENT_STREAM.encode()),
    (b"cache-control", b"no-store"),
    # Proxies that know this header pass each event on at once.
    (b"x-accel-buffering", b"no"),
]


class EventStream:
    """ASGI application that sends a batch's events until the batch is settled.

    Args:
        subscriptions: of this process.
        principal: the stream ends when it is no longer valid.
        batch: as it was read last.
        after: the last event that the client has received; None for none.
    """

    def __init__(
        self,
        subscriptions: BatchSubscriptions,
        principal: Principal,
        batch: BatchRow,
        after: EventId | None,
    ) -> None:
        self._subscriptions = subscriptions
        self._principal = principal
        self._batch = batch
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send the response.

        Raises:
            WireError: ``UNAVAILABLE`` when too many streams are open.
        """
        with self._subscriptions.subscribe(self._principal, self._batch) as subscription:
            leaving = asyncio.create_task(_close_on_disconnect(receive, subscription))
            try:
                await send(
                    {"type": "http.response.start", "status": 200, "headers": _HEADERS.copy()}
                )
                async for message in event_messages(subscription, self._after):
                    await send(
                        {"type": "http.response.body", "body": message.encode(), "more_body": True}
                    )
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                leaving.cancel()


async def no_further_events(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI
    """Send 204, after which a browser's EventSource does not reconnect (WHATWG HTML, 9.2.3)."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def event_messages(
    subscription: BatchSubscription, after: EventId | None
) -> AsyncGenerator[ServerSentEventMessage]:
    """Yield the messages of a stream.

    Args:
        subscription: to the batch.
        after: the last event that the client has received; None for none.
    """
    yield ServerSentEventMessage(data=None, retry=RETRY_MS)
    while not subscription.is_closed:
        batch = subscription.row
        for event in events_since(batch, after):
            after = event.event_id
            yield _encode_event(event)
        if batch.is_settled:
            return
        if not await subscription.wait_for_change(HEARTBEAT_SECONDS):
            yield ServerSentEventMessage(data=None, comment="")


async def _close_on_disconnect(receive: Receive, subscription: BatchSubscription) -> None:
    await wait_for_disconnect(receive)
    subscription.close()


def _encode_event(event: BatchEvent) -> ServerSentEventMessage:
    data = msgspec.json.encode(event.batch)
    return ServerSentEventMessage(data=data, event=EVENT_NAME, id=str(event.event_id))
