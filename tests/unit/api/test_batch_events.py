import asyncio

import pytest

from everlake.api import event_stream
from everlake.api.subscriptions import BatchSubscription
from everlake.contract.batches import BatchStatus
from everlake.identity.types import Principal, PrincipalKind
from everlake.model.batches import BatchRow

ROW = BatchRow(
    id="b",
    workspace_id="w",
    status=BatchStatus.LANDING,
    created_at=1,
    key_id="k",
    source="api",
    accepted=1,
    rejected=0,
    total_errors=0,
    sequence=1,
    attachment_complete=0,
    attachment_failed=0,
    lease_owner=None,
    due_at=1,
    attempts=0,
    landed_at=None,
    completed_at=None,
)


PRINCIPAL = Principal(
    kind=PrincipalKind.API_KEY,
    id="k",
    workspace_id="w",
    permissions=frozenset(),
    source="api",
)


def test_a_quiet_stream_says_that_it_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.01)

    async def listen() -> list[bytes]:
        watch = BatchSubscription(PRINCIPAL, ROW)
        heard: list[bytes] = []
        async for message in event_stream.event_messages(watch, None):
            heard.append(message.encode())
            if heard.count(b": \r\n\r\n") == 3:
                watch.close()
        return heard

    heard = asyncio.run(listen())

    assert heard[0] == b"retry: 1000\r\n\r\n"
    assert heard[1].startswith(b"id: LANDING-0-0\r\nevent: batch\r\ndata: {")
    assert heard[2:] == [b": \r\n\r\n"] * 3
