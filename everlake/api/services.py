"""What the routes work with, put together once a process."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar.connection import ASGIConnection, Request
from litestar.handlers import BaseRouteHandler

from everlake.api.middleware import API_KEY_STATE
from everlake.api.rate_limit import RateLimiter
from everlake.api.readiness import ReadinessCheck
from everlake.api.request_body import ByteSemaphore
from everlake.api.subscriptions import BatchSubscriptions
from everlake.attachments.uploads.service import UploadService
from everlake.catalog.api_keys import ApiKey
from everlake.catalog.database import Catalog
from everlake.contract.limits import Limits
from everlake.contract.permissions import Permission
from everlake.identity import authentication
from everlake.identity.authentication import ApiKeyAuthenticator
from everlake.ingest.group_commit import GroupCommitter
from everlake.ingest.service import IngestService
from everlake.lake import Lake
from everlake.metrics import Metrics, MetricsExposition
from everlake.storage import ObjectStore


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """One of each; ``body_timeout`` and ``patience`` (with the catalog) are in seconds.

    ``upload_memory`` is the share of ``body_memory`` that uploads may have at once.
    """

    catalog: Catalog
    store: ObjectStore
    readiness: ReadinessCheck
    lake: Lake
    admitter: GroupCommitter
    ingest: IngestService
    uploads: UploadService
    authenticator: ApiKeyAuthenticator
    rate_limiter: RateLimiter
    body_semaphore: ByteSemaphore
    upload_semaphore: ByteSemaphore
    body_timeout: float
    database_timeout: float
    limits: Limits
    subscriptions: BatchSubscriptions
    meters: Metrics
    metrics_page: MetricsExposition


def api_key_of(request: Request[Any, Any, Any]) -> ApiKey:
    """The live key that the request came with."""
    return request.scope["state"][API_KEY_STATE]


def require_permission(*permissions: Permission) -> Callable[..., Awaitable[None]]:
    """A guard: the key has one of ``permissions``, and has not asked too often."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        key: ApiKey = connection.scope["state"][API_KEY_STATE]
        authentication.require_permission(key, permissions)
        services: Services = connection.app.state.services
        await services.rate_limiter.acquire(key.id)

    return guard
