"""Route guards: the permission of a request's principal, and its rate limit."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.connection import ASGIConnection, Request
from litestar.handlers import BaseRouteHandler

from everlake.api.middleware import PRINCIPAL_STATE
from everlake.api.services import Services
from everlake.contract.permissions import Permission
from everlake.identity import permissions as identity_permissions
from everlake.identity.types import Principal


def principal_of(request: Request[Any, Any, Any]) -> Principal:
    """Return the principal that sent the request."""
    return request.scope["state"][PRINCIPAL_STATE]


def require_permission(*permissions: Permission) -> Callable[..., Awaitable[None]]:
    """Return a guard: the principal has one of ``permissions`` and is within its rate limit.

    The guard raises :class:`PermissionDenied`, or ``RATE_LIMITED``.
    """

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        principal: Principal = connection.scope["state"][PRINCIPAL_STATE]
        identity_permissions.require_permission(principal, permissions)
        services: Services = connection.app.state.services
        await services.rate_limiter.acquire(principal.id)

    return guard
