from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture
from tests.support.catalogs import migrated_catalog


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the newest schema; in SQLite it is made when it is opened."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_server").new_catalog()
    return f"sqlite:///{tmp_path}/catalog.db"


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    opened = migrated_catalog(url)
    yield opened
    opened.close()


@pytest.fixture
def other(url: str, catalog: Catalog) -> Iterator[Catalog]:
    """The same database with connections and locks of its own, as in another process."""
    opened = open_catalog(url)
    yield opened
    opened.close()


@pytest.fixture
def home(catalog: Catalog) -> CatalogFixture:
    return catalog_fixture(catalog)
