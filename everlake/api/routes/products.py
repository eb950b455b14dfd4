"""What a key's workspace holds to send records to: products and projects."""

from typing import Any

import msgspec
from litestar import Request, Response, get

from everlake.api import query as parameters
from everlake.api.responses import json_response
from everlake.api.services import Services, api_key_of, require_permission
from everlake.catalog import products, projects
from everlake.catalog.database import Catalog
from everlake.catalog.products import Product
from everlake.catalog.projects import Project
from everlake.timeouts import run_with_timeout

_PRODUCT_CURSORS = parameters.CursorCodec("products")
_PROJECT_CURSORS = parameters.CursorCodec("projects")
_MAX_ID_LENGTH = 128


class ProductView(msgspec.Struct, rename="camel"):
    """A product as it is answered."""

    id: str
    name: str
    created_at: int


class ProductPage(msgspec.Struct, rename="camel"):
    """One page of products, oldest first."""

    products: list[ProductView]
    next_cursor: str | None


class ProjectView(msgspec.Struct, rename="camel"):
    """A project as it is answered."""

    id: str
    product_id: str
    name: str
    created_at: int


class ProjectPage(msgspec.Struct, rename="camel"):
    """One page of projects, oldest first."""

    projects: list[ProjectView]
    next_cursor: str | None


@get("/api/v1/products", guards=[require_permission("api:read")])
async def list_products(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """The products of the key's workspace."""
    workspace_id = api_key_of(request).workspace_id
    limit = parameters.parse_page_size(request.query_params)
    after = _PRODUCT_CURSORS.decode(workspace_id, request.query_params)
    rows = await run_with_timeout(
        services.database_timeout, _read_products, services.catalog, workspace_id, limit + 1, after
    )
    shown = rows[:limit]
    next_cursor = _PRODUCT_CURSORS.encode(workspace_id, shown[-1].id) if len(rows) > limit else None
    views = [ProductView(row.id, row.name, row.created_at) for row in shown]
    return json_response(ProductPage(views, next_cursor))


@get("/api/v1/projects", guards=[require_permission("api:read")])
async def list_projects(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """The projects of the key's workspace, or of one of its products."""
    query = request.query_params
    workspace_id = api_key_of(request).workspace_id
    limit = parameters.parse_page_size(query)
    after = _PROJECT_CURSORS.decode(workspace_id, query)
    product_id = parameters.parse_text(query, "product", _MAX_ID_LENGTH)
    rows = await run_with_timeout(
        services.database_timeout,
        _read_projects,
        services.catalog,
        workspace_id,
        product_id,
        limit + 1,
        after,
    )
    shown = rows[:limit]
    next_cursor = _PROJECT_CURSORS.encode(workspace_id, shown[-1].id) if len(rows) > limit else None
    views = [ProjectView(row.id, row.product_id, row.name, row.created_at) for row in shown]
    return json_response(ProjectPage(views, next_cursor))


def _read_products(
    catalog: Catalog, workspace_id: str, limit: int, after: str | None
) -> list[Product]:
    with catalog.snapshot() as tx:
        return products.page(tx, workspace_id, limit=limit, after=after)


def _read_projects(
    catalog: Catalog, workspace_id: str, product_id: str | None, limit: int, after: str | None
) -> list[Project]:
    with catalog.snapshot() as tx:
        return projects.page(tx, workspace_id, product_id=product_id, limit=limit, after=after)
