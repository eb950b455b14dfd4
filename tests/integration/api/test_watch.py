"""The one look for all streams of a process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from everlake.api.watch import Watches
from everlake.catalog import batches
from everlake.catalog.batches import BatchRow
from everlake.contract.batch import BatchStatus
from everlake.contract.errors import WireError
from tests.integration.api.home import Home
from tests.integration.api.moving import move
from tests.integration.server import Api

PATIENCE = 30.0


@asynccontextmanager
async def looking(home: Home) -> AsyncGenerator[Watches]:
    watches = Watches(home.catalog)
    task = asyncio.create_task(watches.run())
    try:
        yield watches
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def row_of(home: Home, api: Api, batch_id: str) -> BatchRow:
    with home.catalog.read() as tx:
        row = batches.get(tx, api.setup["workspace_id"], batch_id)
    assert row is not None
    return row


def test_what_changed_before_a_stream_was_open_is_not_missed(still: Home) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    key, before = still.key_row(api), row_of(still, api, batch_id)
    move(still.catalog, api, BatchStatus.LANDED)

    async def follow() -> None:
        async with looking(still) as watches:
            for _ in range(3):
                with watches.open(key, before) as watch:
                    assert await watch.news(PATIENCE)
                    assert watch.row.status is BatchStatus.LANDED
                    assert not watch.ended
                    assert not await watch.news(0.3)

    asyncio.run(follow())


def test_a_database_that_fails_for_a_while_ends_no_stream(still: Home) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    key, before = still.key_row(api), row_of(still, api, batch_id)

    async def follow() -> None:
        async with looking(still) as watches:
            with watches.open(key, before) as watch:
                with still.catalog.write() as tx:
                    tx.exec_driver_sql("ALTER TABLE batches RENAME TO batches_away")
                await asyncio.sleep(0.3)
                with still.catalog.write() as tx:
                    tx.exec_driver_sql("ALTER TABLE batches_away RENAME TO batches")
                assert not watch.ended
                move(still.catalog, api, BatchStatus.LANDED)
                while watch.row.status is not BatchStatus.LANDED:
                    assert await watch.news(PATIENCE)

    asyncio.run(follow())


def test_when_it_is_closed_every_stream_ends_and_none_begins(still: Home) -> None:
    api = still.workspace()
    batch_id = api.accept(api.record())
    key, row = still.key_row(api), row_of(still, api, batch_id)

    async def follow() -> None:
        async with looking(still) as watches:
            with watches.open(key, row) as one, watches.open(key, row) as two:
                watches.close()
                assert await one.news(PATIENCE)
                assert await two.news(PATIENCE)
                assert one.ended
                assert two.ended
            with pytest.raises(WireError, match="no further"), watches.open(key, row):
                pass

    asyncio.run(follow())
