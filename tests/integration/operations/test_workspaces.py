from pathlib import Path

import msgspec
import pytest

from everlake.catalog import workspaces
from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog
from everlake.operations.errors import (
    InvalidInput,
    NotInitialized,
    NoWorkspace,
    ResourceNotFound,
)
from everlake.operations.first_workspace import ensure_first_workspace, has_no_workspace
from everlake.operations.opening import existing_catalog, prepared_catalog, upgrade_catalog
from everlake.operations.workspaces import create_workspace, list_workspaces, resolve_workspace
from everlake.settings import settings_from
from tests.support.catalog_fixture import run_concurrently


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_server").new_database()
    return f"sqlite:///{tmp_path / 'everlake.db'}"


def empty_catalog(url: str) -> Catalog:
    catalog = open_catalog(url)
    catalog.upgrade()
    return catalog


def test_the_oldest_workspace_is_the_default(url: str) -> None:
    catalog = empty_catalog(url)
    with pytest.raises(NoWorkspace):
        resolve_workspace(catalog)

    first, second = (create_workspace(catalog, name=name) for name in ("one", "two"))

    assert (
        resolve_workspace(catalog)
        == min((first, second), key=lambda workspace: (workspace.created_at, workspace.id)).id
    )
    assert resolve_workspace(catalog, second.id) == second.id
    with pytest.raises(ResourceNotFound):
        resolve_workspace(catalog, "unknown")
    assert {workspace.id for workspace in list_workspaces(catalog)} == {first.id, second.id}
    catalog.close()


def test_a_workspace_needs_a_name(url: str) -> None:
    catalog = empty_catalog(url)
    with pytest.raises(InvalidInput):
        create_workspace(catalog, name=" ")
    assert list_workspaces(catalog) == []
    catalog.close()


def test_callers_at_once_get_the_same_first_workspace(tmp_path: Path) -> None:
    catalog = empty_catalog(f"sqlite:///{tmp_path / 'everlake.db'}")
    assert has_no_workspace(catalog)

    made = run_concurrently(4, lambda _: ensure_first_workspace(catalog, max_live_keys=10))

    assert len({msgspec.structs.replace(one, api_key=None) for one in made}) == 1
    assert len([one for one in made if one.api_key is not None]) == 1
    assert not has_no_workspace(catalog)
    catalog.close()


def test_malformed_ids_leave_nothing_behind(url: str) -> None:
    catalog = empty_catalog(url)
    with pytest.raises(InvalidInput):
        ensure_first_workspace(catalog, project_id="a b", max_live_keys=10)
    assert has_no_workspace(catalog)
    catalog.close()


def test_a_data_directory_without_a_catalog_is_not_in_use(tmp_path: Path) -> None:
    settings = settings_from({"data": str(tmp_path / "data")})

    with pytest.raises(NotInitialized), existing_catalog(settings):
        pass
    with prepared_catalog(settings) as catalog:
        create_workspace(catalog, name="one")
    with existing_catalog(settings) as catalog, catalog.snapshot() as tx:
        assert workspaces.first(tx) is not None


def test_the_schema_of_a_new_database_is_created_once(tmp_path: Path, url: str) -> None:
    settings = settings_from({"data": str(tmp_path / "data"), "database_url": url})

    for _ in range(2):
        upgrade_catalog(settings)
    with existing_catalog(settings) as catalog:
        assert has_no_workspace(catalog)


def test_the_beginning_of_an_id_will_do_if_no_other_has_it(url: str) -> None:
    catalog = empty_catalog(url)
    with catalog.transaction() as tx:
        for name in ("ws_aab", "ws_aac", "ws_aa"):
            workspaces.create(tx, name=name, workspace_id=name)

    assert resolve_workspace(catalog, "ws_aab") == "ws_aab"
    assert resolve_workspace(catalog, "ws_aa") == "ws_aa"
    for missing in ("ws_b", ""):
        with pytest.raises(ResourceNotFound):
            resolve_workspace(catalog, missing)
    with pytest.raises(InvalidInput, match="more than one workspace begins with ws_"):
        resolve_workspace(catalog, "ws_")
