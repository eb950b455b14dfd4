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

from everlake.api.routes.batches import batch_of
from everlake.api.services import Services, allowed, key_of
from everlake.api.watch import Watch, Watches
from everlake.catalog.batches import BatchRow
from everlake.catalog.keys import ApiKey
from everlake.catalog.progress import Change, Mark, changes
from everlake.ingest.asking import ask

EVENT = "batch"
RETRY_MS = 1_000
HEARTBEAT_SECONDS = 15.0
"""So that nobody on the way takes a quiet stream for a dead one (WHATWG HTML, 9.2.7)."""

_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    # Proxies that know this header pass every event on at once.
    (b"x-accel-buffering", b"no"),
]


@get("/api/v1/ingest/batches/{batch_id:str}/events", guards=[allowed("api:read", "api:write")])
async def batch_events(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> ASGIApp:
    """The batch as it is, then as it becomes, until nothing more becomes of it.

    That is when it is ``FAILED``, or ``COMPLETE`` and all of its attachments are settled.
    """
    key = key_of(request)
    row = await ask(services.patience, batch_of, services.catalog, key.workspace_id, batch_id)
    after = Mark.read(request.headers.get("last-event-id", ""))
    if row.is_settled and not any(changes(row, after)):
        return _nothing_more
    return _Stream(services.watches, key, row, after)


async def _nothing_more(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI
    # A browser's EventSource comes again after the end of any answer but this.
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Stream:
    """The answer: an ASGI application that writes events until there are no more."""

    def __init__(self, watches: Watches, key: ApiKey, row: BatchRow, after: Mark | None) -> None:
        self._watches = watches
        self._key = key
        self._row = row
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Answer.

        Raises:
            WireError: ``UNAVAILABLE`` where too many streams are open.
        """
        with self._watches.open(self._key, self._row) as watch:
            leaving = asyncio.create_task(_end_when_left(receive, watch))
            try:
                await send(
                    {"type": "http.response.start", "status": 200, "headers": _HEADERS.copy()}
                )
                async for message in messages(watch, self._after):
                    await send(
                        {"type": "http.response.body", "body": message.encode(), "more_body": True}
                    )
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                leaving.cancel()


async def _end_when_left(receive: Receive, watch: Watch) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    watch.end()


async def messages(watch: Watch, after: Mark | None) -> AsyncGenerator[ServerSentEventMessage]:
    """What is sent of a watched batch, of which ``after`` was seen."""
    yield ServerSentEventMessage(data=None, retry=RETRY_MS)
    while not watch.ended:
        row = watch.row
        for change in changes(row, after):
            after = change.mark
            yield _message(change)
        if row.is_settled:
            return
        if not await watch.news(HEARTBEAT_SECONDS):
            yield ServerSentEventMessage(data=None, comment="")


def _message(change: Change) -> ServerSentEventMessage:
    data = msgspec.json.encode(change.batch)
    return ServerSentEventMessage(data=data, event=EVENT, id=str(change.mark))
