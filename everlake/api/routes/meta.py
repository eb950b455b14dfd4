"""The pages about the server itself: health, description, documentation. No key is needed."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get

from everlake import __version__
from everlake.api.answers import json_answer
from everlake.api.docs_page import DOCS_MEDIA_TYPE, docs_page, static_file
from everlake.api.llms_txt import llms_txt
from everlake.api.openapi import build
from everlake.api.services import Services
from everlake.contract.errors import ErrorCode, WireError
from everlake.ingest.asking import RETRY_AFTER_SECONDS, ask
from everlake.metrics import MEDIA_TYPE

_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@get("/healthz")
async def healthz() -> Response[bytes]:
    """The process lives."""
    return json_answer({"status": "ok"})


@get("/readyz")
async def readyz(services: Services) -> Response[bytes]:
    """The process can do its work: its database and its storage answer."""
    faults = await ask(services.patience, services.readiness.faults)
    if faults:
        raise WireError(
            ErrorCode.UNAVAILABLE,
            "Not ready: " + "; ".join(f"{part}: {reason}" for part, reason in faults.items()),
            details=dict(faults),
            retry_after=RETRY_AFTER_SECONDS,
        )
    return json_answer({"status": "ok"})


@get("/openapi.json")
async def openapi(services: Services) -> Response[bytes]:
    """The OpenAPI 3.1 description of this server."""
    return json_answer(msgspec.json.encode(build(services.limits, version=__version__)))


@get("/docs")
async def docs() -> Response[bytes]:
    """The interactive documentation."""
    return Response(docs_page(), media_type=DOCS_MEDIA_TYPE, headers=_PAGE_HEADERS)


@get("/static/{name:path}")
async def static(name: str) -> Response[bytes]:
    """A file that the documentation page needs."""
    found = static_file(name.lstrip("/"))
    if found is None:
        raise WireError(ErrorCode.NOT_FOUND, "There is no such file.")
    content, media_type = found
    headers = {**_PAGE_HEADERS, "Cache-Control": "public, max-age=3600"}
    return Response(content, media_type=media_type, headers=headers)


@get("/llms.txt")
async def llms(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """What a language model needs to know to use this server."""
    base_url = str(request.base_url).rstrip("/")
    text = llms_txt(services.limits, base_url=base_url)
    return Response(text.encode(), media_type="text/plain; charset=utf-8")


@get("/metrics")
async def metrics(services: Services) -> Response[bytes]:
    """The counts of this machine's processes, and the queue, for Prometheus."""
    text = await asyncio.to_thread(services.metrics_page.text)
    return Response(text, headers={"Content-Type": MEDIA_TYPE})
