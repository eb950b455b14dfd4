from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path}/catalog.db")
    opened.upgrade()
    yield opened
    opened.close()
