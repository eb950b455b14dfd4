"""What every request passes before any route: its id, its key, its log line, a last net."""

import re
import time
import uuid
from typing import cast

import structlog
from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, HTTPScope, Message, Receive, ReceiveMessage, Scope, Send
from litestar.utils import normalize_path

from everlake import tracing
from everlake.api.credentials import credential_from_headers, to_wire_error
from everlake.api.responses import send_error
from everlake.contract.errors import ErrorCode, WireError
from everlake.identity.authentication import Authenticator
from everlake.identity.errors import IdentityError
from everlake.identity.types import Principal
from everlake.logs import logger
from everlake.metrics import Metrics
from everlake.metrics.registry import UNMATCHED_ROUTE

REQUEST_ID = "x-request-id"
PRINCIPAL_STATE = "everlake.principal"
"""Key of the request's :class:`Principal` in the scope's state."""

_CLIENT_REQUEST_ID = re.compile(rb"[A-Za-z0-9._\-]{1,128}")
_PROTECTED_PREFIX = "/api/"
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Others are called ``_OTHER`` in a trace (OpenTelemetry's conventions for HTTP)."""

_log = logger()


def internal_error(request_id: str) -> WireError:
    """The 500 that names the request, and nothing of the inside."""
    return WireError(
        ErrorCode.INTERNAL_ERROR,
        f"Something went wrong on our side. The log has more under request id {request_id}.",
    )


class RequestMiddleware:
    """Wraps the routed application.

    Authentication comes first for everything below ``/api/``, whether or not there is such a
    route, so that a stranger learns nothing else.
    """

    def __init__(self, app: ASGIApp, authenticator: Authenticator, meters: Metrics) -> None:
        self._app = app
        self._authenticator = authenticator
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._handle(cast("HTTPScope", scope), receive, send)

    async def _handle(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = _request_id(scope)
        # Granian gives every request the lifespan's state; each needs its own.
        scope["state"] = {"request_id": request_id}
        exchange = _ObservedChannels(scope, receive, send, request_id)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                if tracing.is_enabled() and _is_protected(scope):
                    await self._handle_traced(scope, exchange)
                else:
                    await self._dispatch(scope, exchange.receive, exchange.send)
            except WireError as error:
                await send_error(error, exchange.send)
            except Exception:
                _log.exception("unexpected error")
                if exchange.status:
                    raise
                await send_error(internal_error(request_id), exchange.send)
            finally:
                _log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=exchange.status,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                )
                if exchange.status:
                    self._meters.record_response(
                        _route_template(scope),
                        exchange.status,
                        exchange.response_started_at - started,
                    )

    async def _handle_traced(self, scope: HTTPScope, exchange: "_ObservedChannels") -> None:
        method = scope["method"] if scope["method"] in _KNOWN_METHODS else "_OTHER"
        with tracing.request_span(scope["headers"], method) as span:
            try:
                await self._dispatch(scope, exchange.receive, exchange.send)
            except WireError as error:
                # Answered here, so that its status is the span's and it is no fault of ours.
                await send_error(error, exchange.send)
            finally:
                tracing.end_request_span(span, method, _route_template(scope), exchange.status)

    async def _dispatch(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        if _is_protected(scope):
            scope["state"][PRINCIPAL_STATE] = await self._authenticate(scope)
        if scope["method"] == "OPTIONS":
            # The router would answer by itself; the contract knows no OPTIONS.
            scope["method"] = "OPTIONS "  # pyright: ignore[reportGeneralTypeIssues]
        await self._app(scope, receive, send)

    async def _authenticate(self, scope: HTTPScope) -> Principal:
        try:
            return await self._authenticator.authenticate(credential_from_headers(scope["headers"]))
        except IdentityError as error:
            raise to_wire_error(error) from error


class _ObservedChannels:
    """One request's channels, and what the gate has to know of what went through them."""

    def __init__(self, scope: HTTPScope, receive: Receive, send: Send, request_id: str) -> None:
        self.status = 0
        self.response_started_at = 0.0
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._has_unread_body = _has_body(scope)

    async def receive(self) -> ReceiveMessage:
        message = await self._receive()
        if message["type"] == "http.request" and not message["more_body"]:
            self._has_unread_body = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.response_started_at = time.perf_counter()
            headers = MutableScopeHeaders(message)
            headers[REQUEST_ID] = self._request_id
            if self._has_unread_body:
                # The server closes then (RFC 9112, 9.3); a client that is not told of it would
                # lose its next request.
                headers["connection"] = "close"
        await self._send(message)


def _is_protected(scope: HTTPScope) -> bool:
    # The router folds repeated slashes, so they must not lead around this.
    return (normalize_path(scope["path"]) + "/").startswith(_PROTECTED_PREFIX)


def _route_template(scope: HTTPScope) -> str:
    """The template of the route, and never the path, which a client chooses."""
    return cast("dict[str, str]", scope).get("path_template", UNMATCHED_ROUTE)


def _has_body(scope: HTTPScope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


def _request_id(scope: HTTPScope) -> str:
    for name, value in scope["headers"]:
        if name == REQUEST_ID.encode() and _CLIENT_REQUEST_ID.fullmatch(value):
            return value.decode()
    return uuid.uuid4().hex
