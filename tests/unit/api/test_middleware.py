"""Whose share a request takes."""

import asyncio
from typing import Any, cast

import pytest

from everlake.api.connections import Connections
from everlake.api.middleware import RequestMiddleware
from everlake.fair_threads import ANONYMOUS, OWNER
from everlake.identity.types import Principal, PrincipalKind
from everlake.metrics import Metrics


class KnowsEveryKey:
    """Authenticator for which the secret is the workspace."""

    async def authenticate(self, credential: Any) -> Principal:
        return Principal(
            kind=PrincipalKind.API_KEY,
            id="key",
            workspace_id=credential.secret,
            permissions=frozenset(),
            source="api",
        )


@pytest.mark.parametrize(
    ("path", "owner"), [("/api/v1/records", "ws_1"), ("/readyz", ANONYMOUS), ("/docs", ANONYMOUS)]
)
def test_a_request_takes_the_share_of_its_workspace(path: str, owner: str) -> None:
    found: list[str] = []

    async def app(_: Any, __: Any, ___: Any) -> None:
        found.append(OWNER.get())

    async def nothing(*_: Any) -> Any:
        return {"type": "http.disconnect"}

    middleware = RequestMiddleware(
        cast("Any", app), cast("Any", KnowsEveryKey()), Metrics(), Connections(1), 0
    )
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [(b"x-api-key", b"ws_1")],
        "client": None,
        "scheme": "http",
    }
    asyncio.run(middleware(cast("Any", scope), cast("Any", nothing), cast("Any", nothing)))

    assert found == [owner]
