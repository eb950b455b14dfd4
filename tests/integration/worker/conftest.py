from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.catalog import sqlite
from tests.integration.worker.home import Clock, Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(sqlite, "local_now_ms", made)
    return made
