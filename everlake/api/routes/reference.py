"""``/openapi.json``, ``/docs`` and ``/llms.txt``: descriptions of the API, without a key."""

from typing import Any

from litestar import Request, Response, get
from litestar.response import Redirect

from everlake import __version__
from everlake.api.base_url import base_url_of
from everlake.api.openapi import encoded_document
from everlake.api.reference import page
from everlake.api.reference.llms_txt import render_llms_txt
from everlake.api.reference.static_files import read_static_file
from everlake.api.responses import json_response
from everlake.api.services import Services
from everlake.contract.errors import ErrorCode, WireError


@get("/")
async def get_root() -> Redirect:
    """Lead a browser to the API reference, on whatever host and below whatever path it found us."""
    return Redirect("docs")


@get("/openapi.json")
async def get_openapi(services: Services) -> Response[bytes]:
    """Return the OpenAPI 3.1 document of this server."""
    return json_response(encoded_document(services.limits, version=__version__))


@get("/docs")
async def get_docs(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """Return the API reference for people, its examples with the reader's product and project."""
    content = page.reference_page(
        services.limits,
        version=__version__,
        base_url=base_url_of(request.scope, services.public_url),
        product_id=request.query_params.get("product"),
        project_id=request.query_params.get("project"),
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
    """Return a description of the API for language models."""
    base_url = base_url_of(request.scope, services.public_url)
    text = render_llms_txt(services.limits, base_url=base_url)
    return Response(text.encode(), media_type="text/plain")
