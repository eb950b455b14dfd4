"""One server in each test process, and one workspace for tests that do not read it back."""

from collections.abc import Generator
from pathlib import Path

import pytest

from everlake.catalog.opening import open_catalog
from tests.support.api_workspaces import ApiWorkspaces, running_api
from tests.support.server import (
    NO_RATE_LIMIT,
    PRODUCT,
    PROJECT,
    ApiClient,
    run_everlake_json,
    running_server,
)


@pytest.fixture(scope="package")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("everlake")


@pytest.fixture(scope="package")
def first_workspace(directory: Path) -> dict[str, str]:
    return run_everlake_json(
        "init", "--product-id", PRODUCT, "--project-id", PROJECT, data=directory
    )


@pytest.fixture(scope="package")
def home(directory: Path, first_workspace: dict[str, str]) -> Generator[ApiWorkspaces]:
    catalog = open_catalog(f"sqlite:///{directory / 'everlake.db'}")
    with running_server("serve", directory, NO_RATE_LIMIT) as server:
        yield ApiWorkspaces(server, catalog)
        # Whatever the tests sent, nothing took the server by surprise, and no key is in its log.
        log = server.log()
    catalog.close()
    assert "unexpected error" not in log
    assert "em_sk_" not in log.replace("em_sk_[hidden]", "")


@pytest.fixture(scope="package")
def api(home: ApiWorkspaces, first_workspace: dict[str, str]) -> ApiClient:
    return ApiClient(home.server.url, first_workspace)


@pytest.fixture
def fresh(home: ApiWorkspaces) -> ApiClient:
    """A workspace of the test's own."""
    return home.workspace()


@pytest.fixture(scope="package")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Generator[ApiWorkspaces]:
    """A server with the default rate and with other limits than the defaults; only the API."""
    limits = {
        "EVERLAKE_MAX_BODY_BYTES": "10000",
        "EVERLAKE_MAX_RECORDS": "3",
        "EVERLAKE_MAX_ATTACHMENTS_PER_RECORD": "1",
        "EVERLAKE_MAX_ATTACHMENTS_PER_BATCH": "2",
        "EVERLAKE_BODY_TIMEOUT": "1",
    }
    with running_api("api", tmp_path_factory.mktemp("strict"), limits) as home:
        yield home


@pytest.fixture(scope="package")
def still(tmp_path_factory: pytest.TempPathFactory) -> Generator[ApiWorkspaces]:
    """A server without a worker: its batches stay where they are until a test moves them."""
    with running_api("api", tmp_path_factory.mktemp("still"), NO_RATE_LIMIT) as home:
        yield home
        log = home.server.log()
    assert "unexpected error" not in log
