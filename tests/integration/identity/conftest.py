from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.catalog.database import Catalog
from tests.support.catalogs import migrated_catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = migrated_catalog(f"sqlite:///{tmp_path}/catalog.db")
    yield opened
    opened.close()
