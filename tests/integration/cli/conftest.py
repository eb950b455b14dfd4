import json
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.integration.cli.command import Cli, Result, run
from tests.integration.cli.sending import Setup
from tests.integration.server import FAST, PRODUCT, PROJECT, Server, everlake, running


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Runs commands on a data directory of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVERLAKE_DATA", str(tmp_path / "data"))

    def command(*arguments: str, stdin: bytes = b"") -> Result:
        return run(arguments, stdin, monkeypatch, capsys)

    return command


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A data directory with a workspace and a key."""
    data = tmp_path_factory.mktemp("send")
    made = everlake("init", "--product-id", PRODUCT, "--project-id", PROJECT, "--json", data=data)
    return {**json.loads(made.stdout), "data": str(data)}


@pytest.fixture(scope="module")
def server(setup: Setup) -> Generator[Server]:
    with running("serve", Path(setup["data"]), FAST) as started:
        yield started


@pytest.fixture
def send(cli: Cli, setup: Setup, server: Server, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs commands against the server and its data directory."""
    monkeypatch.setenv("EVERLAKE_DATA", setup["data"])
    monkeypatch.setenv("EVERLAKE_URL", server.url)
    monkeypatch.setenv("EVERLAKE_API_KEY", setup["api_key"])
    return cli
