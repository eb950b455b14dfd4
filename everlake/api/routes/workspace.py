"""What a key's workspace holds to send records to: products and projects."""

from typing import Any

import msgspec
from litestar import Request, Response, get

from everlake.api import parameters
from everlake.api.answers import json_answer
from everlake.api.services import Services, allowed, key_of
from everlake.catalog import products, projects
from everlake.catalog.engine import Catalog
from everlake.catalog.products import Product
from everlake.catalog.projects import Project
from everlake.ingest.asking import ask

_PRODUCT_CURSORS = parameters.Cursors("products")
_PROJECT_CURSORS = parameters.Cursors("projects")
_MOST_ID = 128


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


@get("/api/v1/products", guards=[allowed("api:read")])
async def list_products(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """The products of the key's workspace."""
    workspace_id = key_of(request).workspace_id
    limit = parameters.limit(request.query_params)
    after = _PRODUCT_CURSORS.read(workspace_id, request.query_params)
    rows = await ask(services.patience, _products, services.catalog, workspace_id, limit + 1, after)
    shown = rows[:limit]
    next_cursor = _PRODUCT_CURSORS.make(workspace_id, shown[-1].id) if len(rows) > limit else None
    views = [ProductView(row.id, row.name, row.created_at) for row in shown]
    return json_answer(ProductPage(views, next_cursor))


@get("/api/v1/projects", guards=[allowed("api:read")])
async def list_projects(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """The projects of the key's workspace, or of one of its products."""
    query = request.query_params
    workspace_id = key_of(request).workspace_id
    limit = parameters.limit(query)
    after = _PROJECT_CURSORS.read(workspace_id, query)
    product_id = parameters.text(query, "product", _MOST_ID)
    rows = await ask(
        services.patience, _projects, services.catalog, workspace_id, product_id, limit + 1, after
    )
    shown = rows[:limit]
    next_cursor = _PROJECT_CURSORS.make(workspace_id, shown[-1].id) if len(rows) > limit else None
    views = [ProjectView(row.id, row.product_id, row.name, row.created_at) for row in shown]
    return json_answer(ProjectPage(views, next_cursor))


def _products(catalog: Catalog, workspace_id: str, limit: int, after: str | None) -> list[Product]:
    with catalog.read() as tx:
        return products.page(tx, workspace_id, limit=limit, after=after)


def _projects(
    catalog: Catalog, workspace_id: str, product_id: str | None, limit: int, after: str | None
) -> list[Project]:
    with catalog.read() as tx:
        return projects.page(tx, workspace_id, product_id=product_id, limit=limit, after=after)
