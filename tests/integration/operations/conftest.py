from collections.abc import Iterator
from pathlib import Path

import pytest

from everlake.catalog.database import Catalog
from tests.support.worker_fixture import WorkerFixture


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WorkerFixture]:
    """A data directory with a workspace, whose catalog is in each of the two databases."""
    database = (
        request.getfixturevalue("postgres_server").new_catalog()
        if request.param == "postgresql"
        else None
    )
    home = WorkerFixture(tmp_path / "data", database=database)
    yield home
    home.close()


@pytest.fixture
def catalog(home: WorkerFixture) -> Catalog:
    return home.catalog


@pytest.fixture
def other_workspace(home: WorkerFixture) -> str:
    """A second workspace, which must not see anything of the first one."""
    return home.new_workspace("second")
