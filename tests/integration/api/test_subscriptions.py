"""The one poll for all event streams of a process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from everlake.api.subscriptions import BatchSubscriptions
from everlake.catalog import batches
from everlake.contract.batches import BatchStatus
from everlake.contract.errors import WireError
from everlake.identity.api_key_authentication import api_key_principal
from everlake.identity.types import Principal
from everlake.model.batches import BatchRow
from tests.support.api_workspaces import ApiWorkspaces
from tests.support.batch_transitions import advance_batch
from tests.support.server import ApiClient

PATIENCE = 30.0


@asynccontextmanager
async def looking(home: ApiWorkspaces) -> AsyncGenerator[BatchSubscriptions]:
    watches = BatchSubscriptions(home.catalog)
    task = asyncio.create_task(watches.run())
    try:
        yield watches
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def principal_of(home: ApiWorkspaces, api: ApiClient) -> Principal:
    return api_key_principal(home.key_row(api))


def row_of(home: ApiWorkspaces, api: ApiClient, batch_id: str) -> BatchRow:
    with home.catalog.snapshot() as tx:
        row = batches.get(tx, api.setup["workspace_id"], batch_id)
    assert row is not None
    return row


def test_what_changed_before_a_stream_was_open_is_not_missed(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    key, before = principal_of(still, api), row_of(still, api, batch_id)
    advance_batch(still.catalog, api, BatchStatus.LANDED)

    async def follow() -> None:
        async with looking(still) as watches:
            for _ in range(3):
                with watches.subscribe(key, before) as watch:
                    assert await watch.wait_for_change(PATIENCE)
                    assert watch.row.status is BatchStatus.LANDED
                    assert not watch.is_closed
                    assert not await watch.wait_for_change(0.3)

    asyncio.run(follow())


def test_a_database_that_fails_for_a_while_ends_no_stream(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    key, before = principal_of(still, api), row_of(still, api, batch_id)

    async def follow() -> None:
        async with looking(still) as watches:
            with watches.subscribe(key, before) as watch:
                with still.catalog.transaction() as tx:
                    tx.exec_driver_sql("ALTER TABLE batches RENAME TO batches_away")
                await asyncio.sleep(0.3)
                with still.catalog.transaction() as tx:
                    tx.exec_driver_sql("ALTER TABLE batches_away RENAME TO batches")
                assert not watch.is_closed
                advance_batch(still.catalog, api, BatchStatus.LANDED)
                while watch.row.status is not BatchStatus.LANDED:
                    assert await watch.wait_for_change(PATIENCE)

    asyncio.run(follow())


def test_when_it_is_closed_every_stream_ends_and_none_begins(still: ApiWorkspaces) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    key, row = principal_of(still, api), row_of(still, api, batch_id)

    async def follow() -> None:
        async with looking(still) as watches:
            with watches.subscribe(key, row) as one, watches.subscribe(key, row) as two:
                watches.close()
                assert await one.wait_for_change(PATIENCE)
                assert await two.wait_for_change(PATIENCE)
                assert one.is_closed
                assert two.is_closed
            with pytest.raises(WireError, match="cannot open another"), watches.subscribe(key, row):
                pass

    asyncio.run(follow())
