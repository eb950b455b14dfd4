from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.worker import leases, queue
from tests.integration.worker.home import Clock, Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(queue, "now_ms", made)
    monkeypatch.setattr(leases, "now_ms", made)
    return made
