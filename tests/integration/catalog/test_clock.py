"""Times of rows from machines whose clocks differ."""

import time
from collections.abc import Callable, Iterator

import pytest

from everlake.catalog import api_keys, clock, products, projects, sqlite, workspaces
from everlake.catalog.database import Catalog, Connection
from everlake.catalog.opening import open_catalog
from tests.support.postgres import PostgresServer

HOUR_NS = 3_600 * 10**9


@pytest.fixture
def nodes(postgres_server: PostgresServer) -> Iterator[tuple[Catalog, Catalog]]:
    """The catalogs of two machines on one database."""
    url = postgres_server.new_database()
    opened = open_catalog(url), open_catalog(url)
    opened[0].upgrade()
    yield opened
    for catalog in opened:
        catalog.close()


def add_workspace(tx: Connection, name: str) -> None:
    workspaces.create(tx, name=name, workspace_id=name)


def add_product(tx: Connection, name: str) -> None:
    products.create(tx, "ws", product_id=name)


def add_project(tx: Connection, name: str) -> None:
    projects.create(tx, "ws", "p", project_id=name)


def add_key(tx: Connection, name: str) -> None:
    api_keys.create(tx, "ws", label=name, permissions=["api:read"], max_live=9)


def list_workspaces(tx: Connection) -> list[str]:
    return [row.id for row in workspaces.page(tx, limit=9) if row.id != "ws"]


def list_products(tx: Connection) -> list[str]:
    return [row.id for row in products.page(tx, "ws", limit=9) if row.id != "p"]


def list_projects(tx: Connection) -> list[str]:
    return [row.id for row in projects.page(tx, "ws", limit=9)]


def list_keys(tx: Connection) -> list[str]:
    return [row.label for row in api_keys.page(tx, "ws", limit=9)]


@pytest.mark.parametrize(
    ("add", "list_added"),
    [
        (add_workspace, list_workspaces),
        (add_product, list_products),
        (add_project, list_projects),
        (add_key, list_keys),
    ],
)
def test_rows_are_listed_in_order_of_creation_whatever_the_machines_clocks(
    nodes: tuple[Catalog, Catalog],
    monkeypatch: pytest.MonkeyPatch,
    add: Callable[[Connection, str], None],
    list_added: Callable[[Connection], list[str]],
) -> None:
    right, ahead = nodes
    real = time.time_ns
    with right.transaction() as tx:
        workspaces.create(tx, name="first", workspace_id="ws")
        products.create(tx, "ws", product_id="p")
    made = ["9", "8", "7", "6"]  # not in the order of their ids
    for number, name in enumerate(made):
        catalog, offset = (ahead, HOUR_NS) if number % 2 == 0 else (right, 0)
        monkeypatch.setattr(time, "time_ns", lambda offset=offset: real() + offset)
        time.sleep(0.05)  # the two estimates of the server's clock may differ by milliseconds
        with catalog.transaction() as tx:
            add(tx, name)

    with right.snapshot() as tx:
        assert list_added(tx) == made


def test_a_key_is_revoked_by_the_clock_of_the_database(
    nodes: tuple[Catalog, Catalog], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, ahead = nodes
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + HOUR_NS)
    with ahead.transaction() as tx:
        workspaces.create(tx, name="first", workspace_id="ws")
        key, _ = api_keys.create(tx, "ws", label="k", permissions=["api:read"], max_live=9)
        assert api_keys.revoke(tx, "ws", key.id)
        stored = api_keys.get(tx, "ws", key.id)
    assert stored is not None
    assert stored.revoked_at is not None
    assert key.created_at <= stored.revoked_at <= catalog.now_ms() + 1_000


def test_a_transaction_has_the_clock_of_its_catalog(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not catalog.is_shared:
        monkeypatch.setattr(sqlite, "local_now_ms", lambda: 1_234)
    for opened in (catalog.snapshot, catalog.autocommit, catalog.transaction):
        before = catalog.now_ms()
        with opened() as tx:
            assert before <= clock.now_ms(tx) <= catalog.now_ms()
