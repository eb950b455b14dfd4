"""Generations and current versions of the tables of a lake in a bucket."""

import threading

import pytest

from everlake.catalog import leases, table_versions
from everlake.catalog.database import Catalog
from everlake.catalog.leases import Lease
from everlake.catalog.table_versions import GenerationsRow, TableVersion
from tests.support.catalog_fixture import CatalogFixture

LONG = 60_000


def lease_of(catalog: Catalog, owner: str, name: str = "lake/w") -> Lease:
    with catalog.transaction() as tx:
        return leases.seize(tx, name, owner=owner, now=catalog.now_ms(), ttl_ms=LONG)


def move(
    home: CatalogFixture,
    before: TableVersion | None,
    after: TableVersion,
    lease: Lease,
    name: str = "records",
) -> bool:
    with home.catalog.transaction() as tx:
        return table_versions.publish(tx, home.workspace_id, name, before, after, lease)


def serving(home: CatalogFixture, name: str = "records") -> TableVersion | None:
    with home.catalog.autocommit() as tx:
        return table_versions.get_serving(tx, home.workspace_id, name)


def place(home: CatalogFixture) -> GenerationsRow:
    with home.catalog.autocommit() as tx:
        return table_versions.get_generations(tx, home.workspace_id)


def test_a_version_is_published_after_the_current_one_only(home: CatalogFixture) -> None:
    lease = lease_of(home.catalog, "worker")
    assert serving(home) is None
    assert move(home, None, TableVersion(1, 1), lease)
    assert not move(home, None, TableVersion(1, 9), lease)
    assert move(home, TableVersion(1, 1), TableVersion(1, 2), lease)
    assert not move(home, TableVersion(1, 1), TableVersion(1, 3), lease)
    assert serving(home) == TableVersion(1, 2)
    assert serving(home, "utterances") is None


def test_no_version_is_published_without_the_lease(home: CatalogFixture) -> None:
    old = lease_of(home.catalog, "old")
    assert move(home, None, TableVersion(1, 1), old)
    new = lease_of(home.catalog, "new")
    assert not move(home, TableVersion(1, 1), TableVersion(1, 2), old)
    assert move(home, TableVersion(1, 1), TableVersion(1, 2), new)
    lease_of(home.catalog, "old")
    assert not move(
        home, TableVersion(1, 2), TableVersion(1, 3), old
    )  # it has one again, and this is not it


def test_acquiring_the_lease_waits_for_a_running_publication(
    home: CatalogFixture, other: Catalog
) -> None:
    lease = lease_of(home.catalog, "old")
    taken = threading.Event()

    def take() -> None:
        lease_of(other, "new")
        taken.set()

    thread = threading.Thread(target=take)
    with home.catalog.transaction() as tx:
        assert table_versions.publish(
            tx, home.workspace_id, "records", None, TableVersion(1, 1), lease
        )
        thread.start()
        assert not taken.wait(0.5)
    thread.join()
    assert taken.is_set()
    assert serving(home) == TableVersion(1, 1)


def test_a_generation_is_built_beside_the_serving_one_and_promoted(
    home: CatalogFixture,
) -> None:
    writer = lease_of(home.catalog, "worker")
    maker = lease_of(home.catalog, "maker", "rebuild/w")
    assert place(home) == GenerationsRow()
    assert move(home, None, TableVersion(1, 5), writer)
    with home.catalog.transaction() as tx:
        assert table_versions.begin_generation(tx, home.workspace_id, maker) == 2
    assert move(home, None, TableVersion(2, 1), maker)
    assert serving(home) == TableVersion(1, 5)
    with home.catalog.transaction() as tx:
        assert table_versions.save_checkpoint(tx, home.workspace_id, b"notes", maker)
        assert table_versions.promote_generation(
            tx, home.workspace_id, 2, (writer, maker), keep=False
        )
    assert serving(home) == TableVersion(2, 1)
    assert place(home) == GenerationsRow(serving=2, last=2, replaced=1, notes=b"notes")
    with home.catalog.transaction() as tx:
        table_versions.drop_generation(tx, home.workspace_id, 1)
        with pytest.raises(ValueError, match="serving generation"):
            table_versions.drop_generation(tx, home.workspace_id, 2)
    assert place(home) == GenerationsRow(serving=2, last=2)


def test_no_two_generations_have_the_same_number(home: CatalogFixture) -> None:
    maker = lease_of(home.catalog, "maker", "rebuild/w")
    for number in (2, 3):
        with home.catalog.transaction() as tx:
            assert table_versions.begin_generation(tx, home.workspace_id, maker) == number
            table_versions.drop_generation(tx, home.workspace_id, number)
    assert place(home) == GenerationsRow(last=3)


def test_no_generation_is_changed_without_the_lease(home: CatalogFixture) -> None:
    writer = lease_of(home.catalog, "worker")
    maker = lease_of(home.catalog, "maker", "rebuild/w")
    with home.catalog.transaction() as tx:
        assert table_versions.begin_generation(tx, home.workspace_id, maker) == 2
    lease_of(home.catalog, "another", "rebuild/w")
    with home.catalog.transaction() as tx:
        assert table_versions.begin_generation(tx, home.workspace_id, maker) is None
        assert not table_versions.save_checkpoint(tx, home.workspace_id, b"notes", maker)
        assert not table_versions.promote_generation(
            tx, home.workspace_id, 2, (writer, maker), keep=False
        )
    assert place(home) == GenerationsRow(last=2, building=2)


def test_dropping_and_beginning_generations_do_not_interfere(
    home: CatalogFixture, other: Catalog
) -> None:
    writer = lease_of(home.catalog, "worker")
    maker = lease_of(home.catalog, "maker", "rebuild/w")
    with home.catalog.transaction() as tx:
        assert table_versions.begin_generation(tx, home.workspace_id, maker) == 2
        assert table_versions.promote_generation(
            tx, home.workspace_id, 2, (writer, maker), keep=True
        )
    begun: list[int | None] = []

    def begin() -> None:
        with other.transaction() as tx:
            begun.append(table_versions.begin_generation(tx, home.workspace_id, maker))
            table_versions.save_checkpoint(tx, home.workspace_id, b"notes", maker)

    thread = threading.Thread(target=begin)
    with home.catalog.transaction() as tx:
        table_versions.drop_generation(tx, home.workspace_id, 1)
        thread.start()
        thread.join(0.5)
    thread.join()
    assert begun == [3]
    assert place(home) == GenerationsRow(serving=2, last=3, building=3, notes=b"notes")
    with home.catalog.transaction() as tx:
        table_versions.drop_generation(
            tx, home.workspace_id, 1
        )  # by another that has looked before
    assert place(home) == GenerationsRow(serving=2, last=3, building=3, notes=b"notes")
