"""A catalog that is missing or empty beside an archive that has data."""

from collections.abc import Callable
from pathlib import Path

import pytest

from everlake.catalog.opening import open_catalog
from everlake.operations.errors import CatalogLost
from everlake.operations.first_workspace import ensure_first_workspace
from everlake.operations.health_checks import INSTALLATION_CHECKS, run_checks
from everlake.operations.opening import existing_catalog, prepared_catalog, upgrade_catalog
from everlake.settings import Settings, settings_from
from everlake.storage import open_store
from everlake.tables.spec import LAKE_FOLDER
from tests.support.s3 import S3Server, s3_environment

OBJECTS = {
    "landing": "landing/workspace=ws_1/source=api/type=email/date=2026-01-15/x.ndjson.zst",
    "lake": f"{LAKE_FOLDER}/workspace=ws_1/records.lance/data/x.lance",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_server").new_database()
    return ""


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return settings_from({"data": str(tmp_path / "data"), "database_url": database_url})


def put(settings: Settings, path: str) -> None:
    open_store(settings.archive_url).put_many([(path, b"something")])


def prepare(settings: Settings) -> None:
    with prepared_catalog(settings):
        pass


@pytest.mark.parametrize("path", OBJECTS.values(), ids=OBJECTS)
@pytest.mark.parametrize("create", [prepare, upgrade_catalog])
def test_a_new_catalog_is_refused_beside_data(
    settings: Settings, create: Callable[[Settings], None], path: str
) -> None:
    put(settings, path)
    with pytest.raises(CatalogLost):
        create(settings)
    with pytest.raises(CatalogLost) as refusal:
        create(settings)
    message = str(refusal.value)
    assert settings.archive_url in message
    assert "docs/how-to/back-up.md" in message
    assert not (settings.data_directory / "everlake.db").exists()


def test_doctor_and_other_commands_say_the_same_where_the_file_is_missing(tmp_path: Path) -> None:
    settings = settings_from({"data": str(tmp_path)})
    put(settings, OBJECTS["landing"])
    with pytest.raises(CatalogLost) as refusal, existing_catalog(settings):
        pass
    [result] = run_checks(settings, {"database": INSTALLATION_CHECKS["database"]})
    assert not result.ok
    assert result.message == str(refusal.value)


def test_a_catalog_without_a_workspace_is_refused_beside_data(settings: Settings) -> None:
    prepare(settings)
    prepare(settings)
    put(settings, OBJECTS["landing"])
    with pytest.raises(CatalogLost):
        prepare(settings)


def test_an_empty_file_is_refused_beside_data(tmp_path: Path) -> None:
    settings = settings_from({"data": str(tmp_path)})
    put(settings, OBJECTS["landing"])
    (tmp_path / "everlake.db").touch()
    with pytest.raises(CatalogLost):
        prepare(settings)


def test_a_catalog_in_use_is_opened_beside_its_data(settings: Settings) -> None:
    with prepared_catalog(settings) as catalog:
        ensure_first_workspace(catalog, max_live_keys=10)
    put(settings, OBJECTS["landing"])
    prepare(settings)
    upgrade_catalog(settings)


def test_the_catalog_can_be_restored_after_a_refusal(tmp_path: Path) -> None:
    settings = settings_from({"data": str(tmp_path)})
    with prepared_catalog(settings) as catalog:
        first = ensure_first_workspace(catalog, max_live_keys=10)
    put(settings, OBJECTS["landing"])
    file = tmp_path / "everlake.db"
    backup = file.rename(tmp_path / "backup.db")
    with pytest.raises(CatalogLost):
        prepare(settings)
    backup.rename(file)
    with prepared_catalog(settings) as catalog:
        again = ensure_first_workspace(catalog, max_live_keys=10)
    assert again.workspace_id == first.workspace_id


def test_a_new_catalog_is_refused_beside_data_in_a_bucket(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    url = f"s3://{s3_server.new_bucket()}/some/where"
    settings = settings_from({"data": str(tmp_path / "data"), "storage_url": url})
    prepare(settings)
    put(settings, OBJECTS["landing"])
    with pytest.raises(CatalogLost, match=url):
        prepare(settings)


def test_a_database_elsewhere_is_refused_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    open_catalog(url).close()
    settings = settings_from({"data": str(tmp_path / "data"), "database_url": url})
    put(settings, OBJECTS["landing"])
    with pytest.raises(CatalogLost):
        prepare(settings)
