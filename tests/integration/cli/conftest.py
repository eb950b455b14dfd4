import json
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.command_line import Cli, cli
from tests.support.sent_records import WorkspaceIds
from tests.support.server import (
    NO_RATE_LIMIT,
    PRODUCT,
    PROJECT,
    EverlakeServer,
    run_everlake,
    running_server,
)

__all__ = ["cli"]


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A data directory with a workspace and a key."""
    data = tmp_path_factory.mktemp("send")
    made = run_everlake(
        "init", "--product-id", PRODUCT, "--project-id", PROJECT, "--json", data=data
    )
    return {**json.loads(made.stdout), "data": str(data)}


@pytest.fixture(scope="module")
def server(setup: WorkspaceIds) -> Generator[EverlakeServer]:
    with running_server("serve", Path(setup["data"]), NO_RATE_LIMIT) as started:
        yield started


@pytest.fixture
def send(
    cli: Cli, setup: WorkspaceIds, server: EverlakeServer, monkeypatch: pytest.MonkeyPatch
) -> Cli:
    """Runs commands against the server and its data directory."""
    monkeypatch.setenv("EVERLAKE_DATA", setup["data"])
    monkeypatch.setenv("EVERLAKE_URL", server.url)
    monkeypatch.setenv("EVERLAKE_API_KEY", setup["api_key"])
    return cli
