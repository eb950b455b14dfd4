import pytest

from everlake.catalog import batches
from everlake.catalog.database import Catalog
from everlake.operations.batches import get_batch
from everlake.operations.errors import ArchiveUnreadable, RejectedRecordsDeleted
from everlake.operations.rejected_records import RejectedPosition, open_rejected_records
from tests.support.worker_fixture import WorkerFixture, record


def forget(home: WorkerFixture, batch_id: str) -> None:
    """Note in the catalog that the rejected records are deleted."""
    with home.catalog.transaction() as tx:
        batches.clear_rejected_paths(tx, [batch_id])


def test_pages_follow_one_another_by_position(home: WorkerFixture, catalog: Catalog) -> None:
    batch_id = home.accept(record("right"), {}, {"data": 1}, {"data": 2})
    rejected = open_rejected_records(
        catalog, home.store, get_batch(catalog, home.workspace_id, batch_id)
    )
    assert rejected is not None

    first, following = rejected.page(RejectedPosition(), limit=2)
    assert following is not None
    rest, end = rejected.page(following, limit=2)
    whole, after_whole = rejected.page(RejectedPosition(), limit=3)

    assert [one.index for one in first] == [1, 2]
    assert ([one.index for one in rest], end) == ([3], None)
    assert (whole, after_whole) == ([*first, *rest], None)
    assert list(rejected) == whole


def test_a_batch_without_rejected_records_has_none(home: WorkerFixture, catalog: Catalog) -> None:
    batch_id = home.accept(record("right"))
    batch = get_batch(catalog, home.workspace_id, batch_id)

    assert open_rejected_records(catalog, home.store, batch) is None


def test_deleted_records_are_told_from_lost_ones(home: WorkerFixture, catalog: Catalog) -> None:
    batch_id = home.accept(record("right"), {})
    batch = get_batch(catalog, home.workspace_id, batch_id)
    assert batch.rejected_path is not None
    home.store.delete(batch.rejected_path)

    with pytest.raises(ArchiveUnreadable) as lost:
        open_rejected_records(catalog, home.store, batch)
    assert lost.value.path == batch.rejected_path

    forget(home, batch_id)
    # The batch may have been read before, or after they were deleted.
    for row in (batch, get_batch(catalog, home.workspace_id, batch_id)):
        with pytest.raises(RejectedRecordsDeleted):
            open_rejected_records(catalog, home.store, row)


def test_damage_is_an_error_wherever_the_reading_gets_to_it(
    home: WorkerFixture, catalog: Catalog
) -> None:
    batch_id = home.accept(record("right"), {})
    batch = get_batch(catalog, home.workspace_id, batch_id)
    assert batch.rejected_path is not None
    file = home.data / batch.rejected_path
    file.write_bytes(file.read_bytes()[:-1])
    rejected = open_rejected_records(catalog, home.store, batch)
    assert rejected is not None

    with pytest.raises(ArchiveUnreadable):
        rejected.page(RejectedPosition(), limit=1)
    with pytest.raises(ArchiveUnreadable):
        list(rejected)


def test_objects_that_differ_have_different_checksums(
    home: WorkerFixture, catalog: Catalog
) -> None:
    checksums = [
        rejected.checksum
        for faulty in ({}, {"data": 1})
        if (
            rejected := open_rejected_records(
                catalog,
                home.store,
                get_batch(catalog, home.workspace_id, home.accept(record("right"), faulty)),
            )
        )
    ]
    assert len(set(checksums)) == 2
