"""A fetcher, and a server to try it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fetcher_fixture import FetcherFixture
from tests.support.hostile_behaviours import HostileServer, hostile_server


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Iterator[FetcherFixture]:
    made = FetcherFixture(tmp_path / "spool")
    yield made
    made.fetcher.close()
