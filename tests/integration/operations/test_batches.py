import threading

import pytest

from everlake.catalog import api_keys, batch_queue
from everlake.catalog.database import Catalog
from everlake.contract.batches import BatchStatus
from everlake.contract.errors import WireError
from everlake.operations.batches import (
    BatchFilters,
    follow_batch,
    get_batch,
    list_batches,
    read_followed,
    retry_batch,
)
from everlake.operations.errors import NothingToRetry, ResourceNotFound
from tests.support.worker_fixture import WorkerFixture, record


def fail_batch(home: WorkerFixture) -> None:
    """Fail the batch that waits in LANDING."""
    now = home.catalog.now_ms()
    with home.catalog.transaction() as tx:
        [claimed] = batch_queue.claim(
            tx,
            status=BatchStatus.LANDING,
            owner="test",
            now=now,
            lease_ms=60_000,
            max_batches=1,
            max_records=1,
            max_bytes=1,
        )
        batch_queue.fail(tx, [claimed.id], owner="test", now=now, reason="for the test")


def rejected_batch(home: WorkerFixture) -> str:
    """The id of a batch whose only record is rejected."""
    with pytest.raises(WireError) as error:
        home.accept({})
    assert error.value.details is not None
    return error.value.details["batchId"]


def test_pages_are_cut_at_the_limit_and_say_whether_there_is_more(
    home: WorkerFixture, catalog: Catalog
) -> None:
    first, second, third = (home.accept(record(name)) for name in "abc")

    page = list_batches(catalog, home.workspace_id, limit=2)
    rest = list_batches(catalog, home.workspace_id, limit=2, before=second)
    whole = list_batches(catalog, home.workspace_id, limit=3)

    assert ([row.id for row in page.items], page.has_more) == ([third, second], True)
    assert ([row.id for row in rest.items], rest.has_more) == ([first], False)
    assert ([row.id for row in whole.items], whole.has_more) == ([third, second, first], False)


def test_filters_select_batches(home: WorkerFixture, catalog: Catalog) -> None:
    landing = home.accept(record("a"))
    failed = rejected_batch(home)

    def ids(filters: BatchFilters) -> list[str]:
        page = list_batches(catalog, home.workspace_id, limit=10, filters=filters)
        return [row.id for row in page.items]

    assert ids(BatchFilters(status=BatchStatus.FAILED)) == [failed]
    assert ids(BatchFilters(type=home.batch(landing).type)) == [landing]
    assert ids(BatchFilters(source="elsewhere")) == []


def test_a_workspace_sees_no_batch_of_another(
    home: WorkerFixture, catalog: Catalog, other_workspace: str
) -> None:
    batch_id = home.accept(record("a"))

    assert list_batches(catalog, other_workspace, limit=10).items == []
    for operation in (get_batch, retry_batch):
        with pytest.raises(ResourceNotFound) as error:
            operation(catalog, other_workspace, batch_id)
        assert (error.value.kind, error.value.resource_id) == ("batch", batch_id)
    with pytest.raises(ResourceNotFound):
        next(follow_batch(catalog, other_workspace, batch_id))


def test_a_failed_batch_is_resumed_once(home: WorkerFixture, catalog: Catalog) -> None:
    batch_id = home.accept(record("a"))
    fail_batch(home)

    retry = retry_batch(catalog, home.workspace_id, batch_id)
    again = retry_batch(catalog, home.workspace_id, batch_id)

    assert (retry.batch.status, retry.resumed) == (BatchStatus.LANDING, True)
    assert (again.batch, again.resumed) == (retry.batch, False)


def test_a_batch_without_accepted_records_cannot_be_retried(
    home: WorkerFixture, catalog: Catalog
) -> None:
    batch_id = rejected_batch(home)

    with pytest.raises(NothingToRetry) as error:
        retry_batch(catalog, home.workspace_id, batch_id)
    assert error.value.batch == get_batch(catalog, home.workspace_id, batch_id)


def test_a_batch_is_followed_until_it_is_settled(home: WorkerFixture, catalog: Catalog) -> None:
    batch_id = home.accept(record("a"))
    events = follow_batch(catalog, home.workspace_id, batch_id)

    first = next(events)
    worker = threading.Thread(target=home.process_all)
    worker.start()
    rest = [event.batch.status for event in events]
    worker.join()

    assert first.batch.status is BatchStatus.LANDING
    assert rest == [BatchStatus.LANDED, BatchStatus.PROCESSING, BatchStatus.COMPLETE]


def test_a_settled_batch_has_one_event(home: WorkerFixture, catalog: Catalog) -> None:
    batch_id = home.accept(record("a"))
    fail_batch(home)

    [event] = follow_batch(catalog, home.workspace_id, batch_id)

    assert event.batch == get_batch(catalog, home.workspace_id, batch_id).view()


def test_followed_batches_are_read_whatever_their_workspace(
    home: WorkerFixture, catalog: Catalog, other_workspace: str
) -> None:
    ours = home.accept(record("a"))
    theirs = home.accept(record("a"), workspace_id=other_workspace)
    principals = [home.principals[home.workspace_id], home.principals[other_workspace]]
    with catalog.transaction() as tx:
        assert api_keys.revoke(tx, other_workspace, principals[1].id)

    batches, active = read_followed(catalog, [ours, theirs, "unknown"], principals)

    assert set(batches) == {ours, theirs}
    assert active == {principals[0]}
