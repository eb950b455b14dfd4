import pytest

from everlake.catalog.database import Catalog
from everlake.catalog.errors import AlreadyExists, NotFound
from everlake.operations.errors import InvalidInput
from everlake.operations.products import create_product, list_products
from everlake.operations.projects import create_project, list_projects
from tests.support.worker_fixture import PRODUCT, PROJECT, WorkerFixture


def test_products_are_listed_by_pages_oldest_first(home: WorkerFixture, catalog: Catalog) -> None:
    new = [create_product(catalog, home.workspace_id).id for _ in range(2)]

    page = list_products(catalog, home.workspace_id, limit=2)
    rest = list_products(catalog, home.workspace_id, limit=2, after=page.items[-1].id)
    whole = list_products(catalog, home.workspace_id, limit=3)
    everything = list_products(catalog, home.workspace_id)

    assert (len(page.items), page.has_more) == (2, True)
    assert (len(rest.items), rest.has_more) == (1, False)
    assert {row.id for row in (*page.items, *rest.items)} == {PRODUCT, *new}
    assert (whole.items, whole.has_more) == ([*page.items, *rest.items], False)
    assert everything == whole


def test_projects_are_listed_by_pages_of_the_workspace_or_of_a_product(
    home: WorkerFixture, catalog: Catalog
) -> None:
    product = create_product(catalog, home.workspace_id, product_id="other")
    project = create_project(catalog, home.workspace_id, product.id, name="Mobile")

    page = list_projects(catalog, home.workspace_id, limit=1)
    rest = list_projects(catalog, home.workspace_id, limit=1, after=page.items[-1].id)
    of_product = list_projects(catalog, home.workspace_id, product_id=product.id)

    assert (page.has_more, rest.has_more) == (True, False)
    assert {row.id for row in (*page.items, *rest.items)} == {PROJECT, project.id}
    assert (of_product.items, of_product.has_more) == ([project], False)


def test_a_workspace_sees_no_product_or_project_of_another(
    home: WorkerFixture, catalog: Catalog, other_workspace: str
) -> None:
    create_product(catalog, home.workspace_id, product_id="ours")
    create_project(catalog, home.workspace_id, "ours", project_id="ours")

    assert [row.id for row in list_products(catalog, other_workspace).items] == [PRODUCT]
    assert [row.id for row in list_projects(catalog, other_workspace).items] == [PROJECT]
    with pytest.raises(NotFound):
        create_project(catalog, other_workspace, "ours")


@pytest.mark.parametrize("malformed", [{"product_id": "a b"}, {"name": " "}])
def test_a_malformed_product_is_not_created(
    home: WorkerFixture, catalog: Catalog, malformed: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput):
        create_product(catalog, home.workspace_id, **malformed)
    assert len(list_products(catalog, home.workspace_id).items) == 1


@pytest.mark.parametrize("malformed", [{"project_id": "a b"}, {"name": ""}])
def test_a_malformed_project_is_not_created(
    home: WorkerFixture, catalog: Catalog, malformed: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput):
        create_project(catalog, home.workspace_id, PRODUCT, **malformed)
    assert len(list_projects(catalog, home.workspace_id).items) == 1


def test_ids_are_unique_in_a_workspace(home: WorkerFixture, catalog: Catalog) -> None:
    with pytest.raises(AlreadyExists):
        create_product(catalog, home.workspace_id, product_id=PRODUCT)
    with pytest.raises(AlreadyExists):
        create_project(catalog, home.workspace_id, PRODUCT, project_id=PROJECT)
