"""ASGI application of the HTTP API: middleware, routes, error handlers and lifespan."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ASGIApp

from everlake.api.connections import Connections
from everlake.api.error_handlers import EXCEPTION_HANDLERS
from everlake.api.middleware import RequestMiddleware
from everlake.api.routes import (
    attachments,
    batch_attachments,
    batch_errors,
    batch_events,
    batches,
    health,
    ingest,
    products,
    records,
    reference,
    search,
    uploads,
)
from everlake.api.services import Services
from everlake.api.unread_body import most_discarded

_ROUTES = [
    ingest.ingest,
    batches.list_batches,
    batches.get_batch,
    batches.retry_batch,
    batch_attachments.list_batch_attachments,
    batch_attachments.retry_batch_attachments,
    batch_errors.list_batch_errors,
    batch_events.batch_events,
    uploads.create_upload,
    uploads.get_upload,
    uploads.put_upload,
    uploads.put_part,
    attachments.get_attachment,
    attachments.get_content,
    records.list_records,
    records.get_record,
    search.search_utterances,
    products.list_products,
    products.list_projects,
    health.get_health,
    health.get_readiness,
    health.get_metrics,
    reference.get_root,
    reference.get_openapi,
    reference.get_docs,
    reference.get_static_file,
    reference.get_llms_txt,
]


def create_app(services: Services, connections: Connections) -> ASGIApp:
    """Return the application; its lifespan starts and stops the background work of ``services``.

    Args:
        services: which the routes call.
        connections: of this process.
    """

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        services.committer.start()
        tasks = (
            asyncio.create_task(services.authenticator.touch_periodically()),
            asyncio.create_task(services.subscriptions.run()),
            asyncio.create_task(connections.run()),
        )
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # No time limit of their own: the server ends the process after its shutdown timeout.
            await asyncio.to_thread(services.committer.stop)
            await asyncio.to_thread(services.authenticator.touch)
            services.catalog.close()

    app = Litestar(
        _ROUTES,
        state=State({"services": services}),
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        exception_handlers=dict(EXCEPTION_HANDLERS),
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    return RequestMiddleware(
        app,
        services.authenticator,
        services.metrics,
        connections,
        most_discarded(services.limits.body_bytes),
    )
