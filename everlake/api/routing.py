"""Route handlers of the endpoints of the contract."""

import re
from collections.abc import Callable
from typing import Any

from litestar import route
from litestar.handlers import HTTPRouteHandler

from everlake.api.guards import require_permission
from everlake.contract.endpoints import Endpoint


def handles(endpoint: Endpoint, *, head: bool = False) -> Callable[..., HTTPRouteHandler]:
    """Return a decorator that makes a function the handler of an endpoint.

    Method, path and permissions are those of the endpoint. Its path parameters are passed under
    their names in snake case: ``{batchId}`` as ``batch_id``.

    Args:
        endpoint: the endpoint.
        head: whether the function handles ``HEAD`` too.
    """
    path = re.sub(r"{(\w+)}", lambda found: f"{{{_snake_case(found[1])}:str}}", endpoint.path)
    methods: list[Any] = [endpoint.method, "HEAD"] if head else [endpoint.method]
    guards = [require_permission(*endpoint.permissions)] if endpoint.permissions else None
    return route(path, http_method=methods, guards=guards)


def _snake_case(name: str) -> str:
    return re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name)
