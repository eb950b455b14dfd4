"""``GET /api/v1/products`` and ``GET /api/v1/projects``: what records may be sent for."""

from typing import Any

from litestar import Request, Response

from everlake.api.cursors import CursorCodec
from everlake.api.guards import principal_of
from everlake.api.query import parse_parameters
from everlake.api.responses import json_response
from everlake.api.routing import handles
from everlake.api.services import Services
from everlake.contract import endpoints
from everlake.contract.products import Product, ProductPage, Project, ProjectPage
from everlake.contract.queries import ListProjectsQuery, PageQuery
from everlake.operations import products, projects
from everlake.timeouts import run_with_timeout

_PRODUCT_CURSORS = CursorCodec("products")
_PROJECT_CURSORS = CursorCodec("projects")


@handles(endpoints.LIST_PRODUCTS)
async def list_products(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """Return a page of the workspace's products, oldest first."""
    workspace_id = principal_of(request).workspace_id
    query = parse_parameters(PageQuery, request.query_params)
    page = await run_with_timeout(
        services.database_timeout,
        products.list_products,
        services.catalog,
        workspace_id,
        limit=query.limit,
        after=_PRODUCT_CURSORS.decode(workspace_id, query.cursor),
    )
    next_cursor = (
        _PRODUCT_CURSORS.encode(workspace_id, page.items[-1].id) if page.has_more else None
    )
    views = [Product(row.id, row.name, row.created_at) for row in page.items]
    return json_response(ProductPage(views, next_cursor))


@handles(endpoints.LIST_PROJECTS)
async def list_projects(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    """Return a page of the projects of the workspace, or of one of its products, oldest first."""
    workspace_id = principal_of(request).workspace_id
    query = parse_parameters(ListProjectsQuery, request.query_params)
    page = await run_with_timeout(
        services.database_timeout,
        projects.list_projects,
        services.catalog,
        workspace_id,
        product_id=query.product,
        limit=query.limit,
        after=_PROJECT_CURSORS.decode(workspace_id, query.cursor),
    )
    next_cursor = (
        _PROJECT_CURSORS.encode(workspace_id, page.items[-1].id) if page.has_more else None
    )
    views = [Project(row.id, row.product_id, row.name, row.created_at) for row in page.items]
    return json_response(ProjectPage(views, next_cursor))
