"""Transactions that stay idle, as on a machine that swaps or is suspended."""

import time
from collections.abc import Iterator

import pytest

from everlake.catalog import workspaces
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogUnavailable
from everlake.catalog.opening import open_catalog
from tests.support.postgres import PostgresServer


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.new_catalog()


@pytest.fixture
def hasty(url: str, catalog: Catalog) -> Iterator[Catalog]:
    """The same database with a short timeout."""
    assert catalog.is_shared
    opened = open_catalog(url, timeout=0.5)
    yield opened
    opened.close()


def stand_still(catalog: Catalog) -> None:
    """Leave a transaction idle for longer than its timeout."""
    with catalog.transaction() as tx:
        workspaces.create(tx, name="lost")
        time.sleep(1.5)
        workspaces.create(tx, name="lost too")


def number_before(catalog: Catalog, other: Catalog, workspace_id: str) -> Iterator[int]:
    """Reserve a number in an idle transaction; yield the one that another transaction gets."""
    with catalog.transaction() as tx:
        workspaces.next_sequences(tx, workspace_id, 1)
        with other.transaction() as its:
            yield from workspaces.next_sequences(its, workspace_id, 1)


def test_an_idle_transaction_is_ended_and_reported(hasty: Catalog) -> None:
    with pytest.raises(CatalogUnavailable, match="idle for too long"):
        stand_still(hasty)

    with hasty.snapshot() as tx:
        assert workspaces.page(tx, limit=10) == []


def test_others_do_not_wait_for_an_idle_transaction(catalog: Catalog, url: str) -> None:
    with catalog.transaction() as tx:
        workspace_id = workspaces.create(tx, name="shared").id
    other = open_catalog(url, timeout=10)
    numbers = number_before(catalog, other, workspace_id)
    try:
        assert next(numbers) == 1
        with pytest.raises(CatalogUnavailable, match="idle for too long"):
            next(numbers)
    finally:
        other.close()
