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

from everlake.api.answers import error_answer
from everlake.api.authentication import Authenticator
from everlake.api.body import BodyMemory
from everlake.api.gate import Gate, internal_error
from everlake.api.rate_limit import MachineRateLimit, RateLimit, SharedRateLimit
from everlake.api.readiness import Readiness
from everlake.api.routes import (
    attachments,
    batch_attachments,
    batch_errors,
    batch_events,
    batches,
    ingest,
    meta,
    records,
    search,
    uploads,
    workspace,
)
from everlake.api.services import Services
from everlake.api.watch import Watches
from everlake.attachments.uploads import Uploads
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError
from everlake.contract.errors import ErrorCode, WireError
from everlake.ingest.admit import Admitter
from everlake.ingest.asking import unavailable
from everlake.ingest.service import Ingest
from everlake.lake import LakeError
from everlake.lake.opening import open_lake
from everlake.logs import logger
from everlake.metrics import Meters, Page, take_seat
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
    workspace.list_products,
    workspace.list_projects,
    meta.healthz,
    meta.readyz,
    meta.openapi,
    meta.docs,
    meta.static,
    meta.llms,
    meta.metrics,
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
    seat = take_seat(settings.metrics_directory, "api")
    meters = Meters()
    catalog = Catalog.open(settings.catalog_url, **settings.catalog_options)
    catalog.check()
    store = open_store(settings.archive_url)
    patience = settings.database_timeout
    admitter = Admitter(catalog, store, patience)
    limits = settings.limits
    return Services(
        catalog=catalog,
        store=store,
        readiness=Readiness(catalog, store),
        lake=open_lake(settings.archive_url, catalog),
        admitter=admitter,
        ingest=Ingest(catalog, admitter, limits, patience, meters),
        authenticator=Authenticator(catalog, patience),
        rate_limit=_rate_limit(settings, catalog),
        uploads=Uploads(
            catalog,
            store,
            hours=settings.upload_hours,
            part_bytes=settings.upload_part_bytes,
            direct=settings.upload_through == "bucket",
        ),
        upload_memory=BodyMemory(settings.body_memory // 2, settings.body_timeout),
        body_memory=BodyMemory(settings.body_memory, settings.body_timeout),
        body_timeout=settings.body_timeout,
        patience=patience,
        limits=limits,
        watches=Watches(catalog),
        meters=meters,
        metrics_page=Page(meters, seat, catalog, settings.rebuild_lock),
    )


def _rate_limit(settings: Settings, catalog: Catalog) -> RateLimit:
    limits = settings.limits
    if catalog.is_shared:
        return SharedRateLimit(
            catalog, limits.requests_per_second, limits.burst, settings.database_timeout
        )
    file = settings.data_directory / "rate-limits"
    return MachineRateLimit(limits.requests_per_second, limits.burst, file)


def create_app(services: Services) -> ASGIApp:
    """The ASGI application over ``services``, which it starts and stops with its lifespan."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncGenerator[None]:
        services.admitter.start()
        tasks = (
            asyncio.create_task(services.authenticator.keep_touching()),
            asyncio.create_task(services.watches.run()),
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
            WireError: _on_wire_error,
            HTTPException: _on_http_exception,
            CatalogError: _on_unavailable,
            StorageError: _on_unavailable,
            LakeError: _on_lake_error,
            Exception: _on_unexpected,
        },
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    return Gate(app, services.authenticator, services.meters)


def _on_wire_error(_: _Request, error: WireError) -> Response[bytes]:
    return error_answer(error)


def _on_unavailable(_: _Request, error: Exception) -> Response[bytes]:
    return error_answer(unavailable(str(error)))


def _on_lake_error(_: _Request, error: LakeError) -> Response[bytes]:
    # Its message names places on our disks: that is for the log.
    _log.error("the lake cannot be read", reason=str(error))
    return error_answer(unavailable("The lake's tables cannot be read just now: try again later."))


def _on_http_exception(request: _Request, error: HTTPException) -> Response[bytes]:
    """What the router itself refuses."""
    if error.status_code == 405:
        allow = (error.headers or {}).get("allow", "").replace(", OPTIONS", "")
        method = request.scope["method"].strip()
        refusal = WireError(
            ErrorCode.METHOD_NOT_ALLOWED, f"{method} is not possible here, but: {allow}."
        )
        return error_answer(refusal, {"Allow": allow})
    if error.status_code == 404:
        return error_answer(WireError(ErrorCode.NOT_FOUND, "There is nothing at this address."))
    if error.status_code < 500:
        return error_answer(
            WireError(ErrorCode.INVALID_PARAMETER, "The request line or a header is malformed.")
        )
    return _on_unexpected(request, error)


def _on_unexpected(request: _Request, error: Exception) -> Response[bytes]:
    _log.error("unexpected error", exc_info=error)
    return error_answer(internal_error(request.scope["state"]["request_id"]))
