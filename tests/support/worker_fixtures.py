"""Fixtures with a catalog, an archive and a lake in a directory, and a clock to move."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.catalog import sqlite
from tests.support.worker_fixture import ShiftedClock, WorkerFixture


@pytest.fixture
def home(tmp_path: Path) -> Iterator[WorkerFixture]:
    made = WorkerFixture(tmp_path)
    yield made
    made.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ShiftedClock:
    made = ShiftedClock()
    monkeypatch.setattr(sqlite, "local_now_ms", made)
    return made
