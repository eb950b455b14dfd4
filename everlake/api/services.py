"""What the routes work with, put together once a process."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar.connection import ASGIConnection, Request
from litestar.handlers import BaseRouteHandler

from everlake.api.authentication import Authenticator, require
from everlake.api.body import BodyMemory
from everlake.api.gate import KEY
from everlake.api.rate_limit import RateLimit
from everlake.api.readiness import Readiness
from everlake.api.watch import Watches
from everlake.attachments.uploads import Uploads
from everlake.catalog.engine import Catalog
from everlake.catalog.keys import ApiKey
from everlake.contract.batch import Permission
from everlake.contract.limits import Limits
from everlake.ingest.admit import Admitter
from everlake.ingest.service import Ingest
from everlake.lake import Lake
from everlake.metrics import Meters, Page
from everlake.storage import ObjectStore


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """One of each; ``body_timeout`` and ``patience`` (with the catalog) are in seconds.

    ``upload_memory`` is the share of ``body_memory`` that uploads may have at once.
    """

    catalog: Catalog
    store: ObjectStore
    readiness: Readiness
    lake: Lake
    admitter: Admitter
    ingest: Ingest
    uploads: Uploads
    authenticator: Authenticator
    rate_limit: RateLimit
    body_memory: BodyMemory
    upload_memory: BodyMemory
    body_timeout: float
    patience: float
    limits: Limits
    watches: Watches
    meters: Meters
    metrics_page: Page


def key_of(request: Request[Any, Any, Any]) -> ApiKey:
    """The live key that the request came with."""
    return request.scope["state"][KEY]


def allowed(*permissions: Permission) -> Callable[..., Awaitable[None]]:
    """A guard: the key has one of ``permissions``, and has not asked too often."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        key: ApiKey = connection.scope["state"][KEY]
        require(key, permissions)
        services: Services = connection.app.state.services
        await services.rate_limit.count(key.id)

    return guard
