"""The pages about the server itself: health, description, documentation. No key is needed."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get

from everlake import __version__
from everlake.api.openapi import build_document
from everlake.api.reference import page
from everlake.api.reference.llms_txt import render_llms_txt
from everlake.api.reference.static_files import read_static_file
from everlake.api.responses import json_response
from everlake.api.services import Services
from everlake.contract.errors import RETRY_AFTER_SECONDS, ErrorCode, WireError
from everlake.runtime.metrics_exposition import MEDIA_TYPE
from everlake.timeouts import run_with_timeout


@get("/healthz")
async def get_health() -> Response[bytes]:
    """The process lives."""
    return json_response({"status": "ok"})


@get("/readyz")
async def get_readiness(services: Services) -> Response[bytes]:
    """The process can do its work: its database and its storage answer."""
    faults = await run_with_timeout(services.database_timeout, services.readiness.failures)
    if faults:
        raise WireError(
            ErrorCode.UNAVAILABLE,
            "Not ready: " + "; ".join(f"{part}: {reason}" for part, reason in faults.items()),
            details=dict(faults),
            retry_after=RETRY_AFTER_SECONDS,
        )
    return json_response({"status": "ok"})


@get("/openapi.json")
async def get_openapi(services: Services) -> Response[bytes]:
    """The OpenAPI 3.1 description of this server."""
    return json_response(msgspec.json.encode(build_document(services.limits, version=__version__)))


@get("/docs")
async def get_docs(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """Return the API reference for people."""
    content = page.reference_page(
        services.limits, version=__version__, base_url=str(request.base_url).rstrip("/")
    )
    return Response(content, media_type=page.MEDIA_TYPE, headers=page.PAGE_HEADERS)


@get("/static/{name:path}")
async def get_static_file(name: str) -> Response[bytes]:
    """Return a file that the API reference loads."""
    found = read_static_file(name.lstrip("/"))
    if found is None:
        raise WireError(ErrorCode.NOT_FOUND, "There is no such file.")
    content, media_type = found
    headers = {**page.PAGE_HEADERS, "Cache-Control": "public, max-age=3600"}
    return Response(content, media_type=media_type, headers=headers)


@get("/llms.txt")
async def get_llms_txt(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """What a language model needs to know to use this server."""
    base_url = str(request.base_url).rstrip("/")
    text = render_llms_txt(services.limits, base_url=base_url)
    return Response(text.encode(), media_type="text/plain; charset=utf-8")


@get("/metrics")
async def get_metrics(services: Services) -> Response[bytes]:
    """The counts of this machine's processes, and the queue, for Prometheus."""
    text = await asyncio.to_thread(services.metrics_page.render)
    return Response(text, headers={"Content-Type": MEDIA_TYPE})
