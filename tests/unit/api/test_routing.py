"""Route handlers of endpoints."""

from litestar import Response

from everlake.api.app import _ROUTES
from everlake.api.routing import handles
from everlake.contract.endpoints import ENDPOINTS, GET_ATTACHMENT_CONTENT, PUT_UPLOAD_PART, Endpoint


async def _handler() -> Response[bytes]:
    return Response(b"")


def route_path(endpoint: Endpoint) -> str:
    (path,) = handles(endpoint)(_handler).paths
    return path


def test_the_application_serves_every_endpoint_and_its_own_description() -> None:
    served = {
        (method, path)
        for handler in _ROUTES
        for path in handler.paths
        for method in handler.http_methods
    }
    assert served == {(each.method, route_path(each)) for each in ENDPOINTS} | {
        ("HEAD", route_path(GET_ATTACHMENT_CONTENT)),
        ("GET", "/"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/static/{name:path}"),
        ("GET", "/llms.txt"),
    }


def test_a_guard_is_there_where_a_permission_is_needed() -> None:
    for endpoint in ENDPOINTS:
        handler = handles(endpoint)(_handler)
        assert bool(handler.guards) == bool(endpoint.permissions)


def test_path_parameters_are_in_snake_case() -> None:
    assert route_path(PUT_UPLOAD_PART) == "/api/v1/uploads/{upload_id:str}/parts/{part_number:str}"
