"""Request middleware: request ids, authentication, logging, metrics and unexpected errors."""

import logging
import re
import time
import uuid
from typing import cast

import structlog
from litestar.datastructures import MutableScopeHeaders
from litestar.status_codes import HTTP_200_OK
from litestar.types import ASGIApp, HTTPScope, Message, Receive, ReceiveMessage, Scope, Send
from litestar.utils import normalize_path

from everlake import tracing
from everlake.api.base_url import check_host
from everlake.api.connections import Connections
from everlake.api.credentials import credential_from_headers, to_wire_error
from everlake.api.request_slots import RequestSlots
from everlake.api.responses import send_error
from everlake.api.unread_body import discard, has_body, waits_for_continue
from everlake.contract.errors import ErrorCode, WireError
from everlake.fair_threads import ANONYMOUS, OWNER
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
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that monitoring requests every few seconds; only failures are logged."""
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Any other is ``_OTHER`` in a trace (OpenTelemetry's conventions for HTTP)."""

_log = logger()


def internal_error(request_id: str) -> WireError:
    """Return the 500 that names the request, and no internals."""
    return WireError(
        ErrorCode.INTERNAL_ERROR,
        f"Something went wrong in the server. The log has more under request id {request_id}.",
    )


class RequestMiddleware:
    """ASGI application around the routes.

    Requests below ``/api/`` are authenticated before they are routed: without a valid key,
    nothing can be learned about the routes.

    Args:
        app: the routes.
        authenticator: checks credentials.
        metrics: count responses.
        connections: are told which of them have a request.
        most_discarded: bytes of an unread body that are received after the answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        metrics: Metrics,
        connections: Connections,
        most_discarded: int,
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._metrics = metrics
        self._connections = connections
        self._most_discarded = most_discarded
        self._slots = RequestSlots()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, or pass another kind of connection on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = cast("HTTPScope", scope)
        request_id = _request_id(scope)
        channels = _ObservedChannels(scope, receive, send, request_id)
        with self._connections.serving(scope):
            await self._handle(scope, channels, request_id)
        # The connection counts as idle by now: it is closed when others need its place.
        if channels.is_body_arriving:
            await discard(receive, self._most_discarded)

    async def _handle(
        self, scope: HTTPScope, channels: "_ObservedChannels", request_id: str
    ) -> None:
        started = time.perf_counter()
        # Granian gives all requests the state of the lifespan; each needs its own.
        scope["state"] = {"request_id": request_id}
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                if tracing.is_enabled() and _is_protected(scope):
                    await self._handle_traced(scope, channels)
                else:
                    await self._dispatch(scope, channels.receive, channels.send)
            except WireError as error:
                await send_error(error, channels.send)
            except Exception:
                _log.exception("unexpected error")
                if channels.status:
                    raise
                await send_error(internal_error(request_id), channels.send)
            finally:
                is_quiet_probe = scope["path"] in _PROBES and channels.status == HTTP_200_OK
                _log.log(
                    logging.DEBUG if is_quiet_probe else logging.INFO,
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=channels.status,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                )
                if channels.status:
                    self._metrics.record_response(
                        _route_template(scope),
                        channels.status,
                        channels.response_started_at - started,
                    )

    async def _handle_traced(self, scope: HTTPScope, channels: "_ObservedChannels") -> None:
        method = scope["method"] if scope["method"] in _KNOWN_METHODS else "_OTHER"
        with tracing.request_span(scope["headers"], method) as span:
            try:
                await self._dispatch(scope, channels.receive, channels.send)
            except WireError as error:
                # Sent here, so that the span gets its status and no exception.
                await send_error(error, channels.send)
            finally:
                tracing.end_request_span(span, method, _route_template(scope), channels.status)

    async def _dispatch(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        if not _is_protected(scope):
            OWNER.set(ANONYMOUS)
            await self._route(scope, receive, send)
            return
        principal = await self._authenticate(scope)
        scope["state"][PRINCIPAL_STATE] = principal
        OWNER.set(principal.workspace_id)
        with self._slots.hold(principal.workspace_id):
            await self._route(scope, receive, send)

    async def _route(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        check_host(scope)
        if scope["method"] == "OPTIONS":
            # The router would respond by itself, and the contract has no OPTIONS.
            scope["method"] = "OPTIONS "  # pyright: ignore[reportGeneralTypeIssues]
        await self._app(scope, receive, send)

    async def _authenticate(self, scope: HTTPScope) -> Principal:
        try:
            return await self._authenticator.authenticate(credential_from_headers(scope["headers"]))
        except IdentityError as error:
            raise to_wire_error(error) from error


class _ObservedChannels:
    """A request's ASGI channels, with what the middleware has to know of their messages."""

    def __init__(self, scope: HTTPScope, receive: Receive, send: Send, request_id: str) -> None:
        self.status = 0
        self.response_started_at = 0.0
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._has_unread_body = has_body(scope)
        self._is_body_held_back = waits_for_continue(scope)

    @property
    def is_body_arriving(self) -> bool:
        """Whether the client may still be sending a body that nobody reads."""
        return self._has_unread_body and not self._is_body_held_back

    async def receive(self) -> ReceiveMessage:
        self._is_body_held_back = False
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
                # The server closes the connection once the body is discarded (RFC 9112, 9.3); a
                # client that does not know would lose its next request.
                headers["connection"] = "close"
        await self._send(message)


def _is_protected(scope: HTTPScope) -> bool:
    # The router folds repeated slashes, so this has to fold them as well.
    return (normalize_path(scope["path"]) + "/").startswith(_PROTECTED_PREFIX)


def _route_template(scope: HTTPScope) -> str:
    """Return the template of the route: the path itself is chosen by the client."""
    return cast("dict[str, str]", scope).get("path_template", UNMATCHED_ROUTE)


def _request_id(scope: HTTPScope) -> str:
    for name, value in scope["headers"]:
        if name == REQUEST_ID.encode() and _CLIENT_REQUEST_ID.fullmatch(value):
            return value.decode()
    return uuid.uuid4().hex
