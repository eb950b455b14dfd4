"""Beyond the contract: ``GET /api/v1/products`` and ``GET /api/v1/projects``."""

from typing import Any

from tests.support.api_workspaces import ApiWorkspaces, assert_error
from tests.support.server import ApiClient


def ids(api: ApiClient, noun: str, **query: Any) -> list[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.http.get(f"/api/v1/{noun}", params={**query, **cursor}).json()
        assert set(page) == {noun, "nextCursor"}
        found += [row["id"] for row in page[noun]]
        if page["nextCursor"] is None:
            return found
        cursor = {"cursor": page["nextCursor"]}


def test_products_come_oldest_first(home: ApiWorkspaces, fresh: ApiClient) -> None:
    made = [fresh.setup["product_id"], *(home.product(fresh) for _ in range(4))]
    for limit in (1, 2, 5, 100):
        assert ids(fresh, "products", limit=limit) == made


def test_projects_come_oldest_first_all_or_those_of_a_product(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    product = home.product(fresh)
    first = [fresh.setup["project_id"], home.project(fresh)]
    second = [home.project(fresh, product), home.project(fresh, product)]
    for limit in (1, 3, 100):
        assert ids(fresh, "projects", limit=limit) == first + second
        assert ids(fresh, "projects", limit=limit, product=product) == second
    assert ids(fresh, "projects", product="nowhere") == []


def test_a_product_and_a_project_have_these_members(fresh: ApiClient) -> None:
    (product,) = fresh.http.get("/api/v1/products").json()["products"]
    (project,) = fresh.http.get("/api/v1/projects").json()["projects"]
    assert set(product) == {"id", "name", "createdAt"}
    assert set(project) == {"id", "productId", "name", "createdAt"}
    assert project["productId"] == product["id"] == fresh.setup["product_id"]


def test_a_workspace_lists_only_its_own(home: ApiWorkspaces, fresh: ApiClient) -> None:
    stranger = home.workspace()
    assert ids(stranger, "products") == [stranger.setup["product_id"]]
    assert ids(stranger, "projects", product=fresh.setup["product_id"]) == []


def test_impossible_parameters_are_invalid(api: ApiClient) -> None:
    for path in ("/api/v1/products", "/api/v1/projects"):
        for query in ({"limit": "0"}, {"limit": "x"}, {"cursor": "x"}):
            assert_error(api.http.get(path, params=query), 400, "INVALID_PARAMETER")
    assert_error(api.http.get("/api/v1/projects?product="), 400, "INVALID_PARAMETER")
