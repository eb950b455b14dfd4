"""The HTTP application: routes behind the gate."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp

from everlake.api.middleware import RequestMiddleware, internal_error
from everlake.api.rate_limit import CatalogRateLimiter, LocalRateLimiter, RateLimiter
from everlake.api.readiness import ReadinessCheck
from everlake.api.request_body import ByteSemaphore
from everlake.api.responses import error_response
from everlake.api.routes import (
    attachments,
    batch_attachments,
    batch_errors,
    batch_events,
    batches,
    ingest,
    meta,
    products,
    records,
    search,
    uploads,
)
from everlake.api.services import Services
from everlake.api.subscriptions import BatchSubscriptions
from everlake.attachments.uploads.service import UploadService
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.opening import open_catalog
from everlake.contract.errors import ErrorCode, WireError, unavailable
from everlake.identity.authentication import ApiKeyAuthenticator
from everlake.ingest.group_commit import GroupCommitter
from everlake.ingest.service import IngestService
from everlake.lake import LakeError
from everlake.lake.opening import open_lake
from everlake.logs import logger
from everlake.metrics import Metrics, MetricsExposition, acquire_slot
from everlake.settings import Settings
from everlake.storage import StorageError, open_store

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
    meta.get_health,
    meta.get_readiness,
    meta.get_openapi,
    meta.get_docs,
    meta.get_static_file,
    meta.get_llms_txt,
    meta.get_metrics,
]

_log = logger()

_Request = Request[Any, Any, Any]


def open_services(settings: Settings) -> Services:
    """Open the catalog, the storage and the lake that ``settings`` name.

    Raises:
        CatalogError: the database cannot be used; the message says what to do.
        StorageError: the storage cannot be used.
    """
    # First of all, since what is counted must know where.
    seat = acquire_slot(settings.metrics_directory, "api")
    meters = Metrics()
    catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
    catalog.check()
    store = open_store(settings.archive_url)
    patience = settings.database_timeout
    admitter = GroupCommitter(catalog, store, patience)
    limits = settings.limits
    return Services(
        catalog=catalog,
        store=store,
        readiness=ReadinessCheck(catalog, store),
        lake=open_lake(settings.archive_url, catalog),
        admitter=admitter,
        ingest=IngestService(catalog, admitter, limits, patience, meters),
        authenticator=ApiKeyAuthenticator(catalog, patience),
        rate_limiter=_open_rate_limiter(settings, catalog),
        uploads=UploadService(
            catalog,
            store,
            lifetime_hours=settings.upload_hours,
            part_bytes=settings.upload_part_bytes,
            direct=settings.upload_through == "bucket",
        ),
        upload_semaphore=ByteSemaphore(settings.body_memory // 2, settings.body_timeout),
        body_semaphore=ByteSemaphore(settings.body_memory, settings.body_timeout),
        body_timeout=settings.body_timeout,
        database_timeout=patience,
        limits=limits,
        subscriptions=BatchSubscriptions(catalog),
        meters=meters,
        metrics_page=MetricsExposition(meters, seat, catalog, settings.rebuild_lock),
    )


def _open_rate_limiter(settings: Settings, catalog: Catalog) -> RateLimiter:
    limits = settings.limits
    if catalog.is_shared:
        return CatalogRateLimiter(
            catalog, limits.requests_per_second, limits.burst, settings.database_timeout
        )
    file = settings.data_directory / "rate-limits"
    return LocalRateLimiter(limits.requests_per_second, limits.burst, file)


def create_app(services: Services) -> ASGIApp:
    """The ASGI application over ``services``, which it starts and stops with its lifespan."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        services.admitter.start()
        tasks = (
            asyncio.create_task(services.authenticator.touch_periodically()),
            asyncio.create_task(services.subscriptions.run()),
        )
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(services.admitter.stop)
            await asyncio.to_thread(services.authenticator.touch)
            services.catalog.close()

    app = Litestar(
        _ROUTES,
        state=State({"services": services}),
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        exception_handlers={
            WireError: _handle_wire_error,
            HTTPException: _handle_http_exception,
            CatalogError: _handle_unavailable,
            StorageError: _handle_unavailable,
            LakeError: _handle_lake_error,
            Exception: _handle_unexpected,
        },
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    return RequestMiddleware(app, services.authenticator, services.meters)


def _handle_wire_error(_: _Request, error: WireError) -> Response[bytes]:
    return error_response(error)


def _handle_unavailable(_: _Request, error: Exception) -> Response[bytes]:
    return error_response(unavailable(str(error)))


def _handle_lake_error(_: _Request, error: LakeError) -> Response[bytes]:
    # Its message names places on our disks: that is for the log.
    _log.error("the lake cannot be read", reason=str(error))
    return error_response(
        unavailable("The lake's tables cannot be read just now: try again later.")
    )


def _handle_http_exception(request: _Request, error: HTTPException) -> Response[bytes]:
    """What the router itself refuses."""
    if error.status_code == 405:
        allow = (error.headers or {}).get("allow", "").replace(", OPTIONS", "")
        method = request.scope["method"].strip()
        refusal = WireError(
            ErrorCode.METHOD_NOT_ALLOWED, f"{method} is not possible here, but: {allow}."
        )
        return error_response(refusal, {"Allow": allow})
    if error.status_code == 404:
        return error_response(WireError(ErrorCode.NOT_FOUND, "There is nothing at this address."))
    if error.status_code < 500:
        return error_response(
            WireError(ErrorCode.INVALID_PARAMETER, "The request line or a header is malformed.")
        )
    return _handle_unexpected(request, error)


def _handle_unexpected(request: _Request, error: Exception) -> Response[bytes]:
    _log.error("unexpected error", exc_info=error)
    return error_response(internal_error(request.scope["state"]["request_id"]))
