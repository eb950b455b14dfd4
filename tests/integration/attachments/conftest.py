"""A fetcher, and a server to try it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import Hostile, hostile
from tests.integration.attachments.home import Home


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "spool")
    yield made
    made.fetcher.close()
