import pytest

from everlake.catalog import products, projects, workspaces
from everlake.catalog.database import Catalog
from everlake.catalog.errors import AlreadyExists, NotFound
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture, run_concurrently

BAD_IDS = ["", "a b", "a/b", "ä", "a" * 129, "a\n"]


def test_a_workspace_is_found_by_its_id(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        made = workspaces.create(tx, name="Acme", workspace_id="acme:1")
        assert workspaces.get(tx, "acme:1") == made
        assert workspaces.get(tx, "acme") is None
    assert made.name == "Acme"


def test_the_first_workspace_is_the_oldest(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        assert workspaces.first(tx) is None
        made = [workspaces.create(tx, name=f"n{n}") for n in range(5)]
        oldest = min(made, key=lambda row: (row.created_at, row.id))
        assert workspaces.first(tx) == oldest


def test_pages_of_workspaces_hold_each_one_once(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        made = {workspaces.create(tx, name=f"n{n}").id for n in range(7)}
        seen: list[str] = []
        while rows := workspaces.page(tx, limit=3, after=seen[-1] if seen else None):
            seen.extend(row.id for row in rows)
        assert [row.id for row in workspaces.page(tx, limit=None)] == seen
        assert workspaces.list_ids(tx) == seen
    assert len(seen) == 7
    assert set(seen) == made


@pytest.mark.parametrize("bad", BAD_IDS)
def test_a_malformed_id_is_rejected(home: CatalogFixture, bad: str) -> None:
    with home.catalog.transaction() as tx:
        with pytest.raises(ValueError, match="cannot be an id"):
            workspaces.create(tx, name="n", workspace_id=bad)
        with pytest.raises(ValueError, match="cannot be an id"):
            products.create(tx, home.workspace_id, product_id=bad)
        with pytest.raises(ValueError, match="cannot be an id"):
            projects.create(tx, home.workspace_id, "prod", project_id=bad)


def test_a_taken_id_is_rejected_and_the_transaction_continues(home: CatalogFixture) -> None:
    with home.catalog.transaction() as tx:
        with pytest.raises(AlreadyExists, match=home.workspace_id):
            workspaces.create(tx, name="n", workspace_id=home.workspace_id)
        with pytest.raises(AlreadyExists, match="prod"):
            products.create(tx, home.workspace_id, product_id="prod")
        products.create(tx, home.workspace_id, product_id="second")
        with pytest.raises(AlreadyExists, match="proj"):
            projects.create(tx, home.workspace_id, "second", project_id="proj")
    with home.catalog.snapshot() as tx:
        assert products.exists(tx, home.workspace_id, "second")


def test_a_missing_workspace_or_product_is_an_error(home: CatalogFixture) -> None:
    with home.catalog.transaction() as tx:
        with pytest.raises(NotFound, match="workspace nowhere"):
            products.create(tx, "nowhere")
        with pytest.raises(NotFound, match="product other"):
            projects.create(tx, home.workspace_id, "other")
        with pytest.raises(NotFound, match="workspace nowhere"):
            workspaces.next_sequences(tx, "nowhere", 1)


def test_a_workspace_sees_only_its_own_products_and_projects(home: CatalogFixture) -> None:
    neighbour = catalog_fixture(home.catalog)
    with home.catalog.transaction() as tx:
        products.create(tx, neighbour.workspace_id, product_id="theirs")
        projects.create(tx, neighbour.workspace_id, "theirs", project_id="their-project")
        projects.create(tx, home.workspace_id, "prod", project_id="mine", name="Mine")
        assert products.exists(tx, home.workspace_id, "prod")
        assert not products.exists(tx, home.workspace_id, "theirs")
        assert projects.find_ids(tx, home.workspace_id, "prod") == {"proj", "mine"}
        assert projects.find_ids(tx, home.workspace_id, "theirs") == frozenset()
        assert projects.find_ids(tx, neighbour.workspace_id, "prod") == {"proj"}
        assert [p.id for p in products.page(tx, home.workspace_id, limit=9)] == ["prod"]
        assert {p.name for p in projects.page(tx, home.workspace_id, limit=9)} == {"proj", "Mine"}


def test_pages_of_projects_hold_each_one_once_also_for_one_product(home: CatalogFixture) -> None:
    with home.catalog.transaction() as tx:
        products.create(tx, home.workspace_id, product_id="second")
        for n in range(5):
            projects.create(tx, home.workspace_id, "second", project_id=f"p{n}")
        for product, wanted in (("second", 5), ("prod", 1), (None, 6)):
            seen: list[str] = []
            while rows := projects.page(
                tx,
                home.workspace_id,
                product_id=product,
                limit=2,
                after=seen[-1] if seen else None,
            ):
                seen.extend(row.id for row in rows)
            assert len(seen) == len(set(seen)) == wanted
        assert products.page(tx, home.workspace_id, limit=9, after="unknown") == []
        assert workspaces.page(tx, limit=9, after="unknown") == []


def test_numbers_have_no_duplicates_and_no_gaps(home: CatalogFixture, other: Catalog) -> None:
    def take(number: int) -> list[int]:
        catalog = other if number % 2 else home.catalog
        taken: list[int] = []
        for count in (1, 7, 2, 1):
            with catalog.transaction() as tx:
                taken.extend(workspaces.next_sequences(tx, home.workspace_id, count))
        return taken

    taken = [number for numbers in run_concurrently(6, take) for number in numbers]
    assert sorted(taken) == list(range(1, 67))


def test_a_number_that_was_not_committed_is_used_again(home: CatalogFixture) -> None:
    def take_and_fail() -> None:
        with home.catalog.transaction() as tx:
            assert workspaces.next_sequences(tx, home.workspace_id, 3) == range(1, 4)
            raise LookupError

    with pytest.raises(LookupError):
        take_and_fail()
    with home.catalog.transaction() as tx:
        assert workspaces.next_sequences(tx, home.workspace_id, 1) == range(1, 2)
