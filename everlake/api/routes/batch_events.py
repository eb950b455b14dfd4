"""``GET /api/v1/ingest/batches/{batchId}/events``: a batch's changes as server-sent events."""

from typing import Any

from litestar import Request
from litestar.types import ASGIApp

from everlake.api.event_stream import EventStream, no_further_events
from everlake.api.guards import principal_of
from everlake.api.routing import handles
from everlake.api.services import Services
from everlake.catalog.batch_events import EventId, events_since
from everlake.contract import endpoints
from everlake.operations import batches
from everlake.timeouts import run_with_timeout


@handles(endpoints.WATCH_BATCH)
async def batch_events(
    request: Request[Any, Any, Any], services: Services, batch_id: str
) -> ASGIApp:
    """Return the batch as it is, then each of its changes, until it is settled.

    A batch is settled when it is ``FAILED``, or ``COMPLETE`` and no attachment is left to fetch.
    """
    principal = principal_of(request)
    batch = await run_with_timeout(
        services.database_timeout,
        batches.get_batch,
        services.catalog,
        principal.workspace_id,
        batch_id,
    )
    after = EventId.parse(request.headers.get("last-event-id", ""))
    if batch.is_settled and not any(events_since(batch, after)):
        return no_further_events
    return EventStream(services.subscriptions, principal, batch, after)
