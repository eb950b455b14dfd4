from pathlib import Path

import msgspec
import pytest

from everlake.analysis import ANALYSIS_VERSION
from everlake.lake import Lake
from everlake.lake.arrivals import ARRIVALS
from everlake.lake.opening import open_lake
from everlake.lake.records import RECORDS
from everlake.lake.utterance_rows import UTTERANCES_TABLE
from everlake.lake.utterances import UTTERANCES
from everlake.operations import health_checks
from everlake.operations.health_checks import (
    INSTALLATION_CHECKS,
    CheckFailed,
    CheckResult,
    Severity,
    run_checks,
)
from everlake.operations.opening import prepared_catalog
from everlake.settings import Settings, settings_from
from everlake.tables.registry import Registry
from tests.support.worker_fixture import WorkerFixture, record


def checked(settings: Settings) -> dict[str, CheckResult]:
    return {result.check: result for result in run_checks(settings, INSTALLATION_CHECKS)}


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = (
        request.getfixturevalue("postgres_server").new_database()
        if request.param == "postgresql"
        else ""
    )
    return settings_from({"data": str(tmp_path / "data"), "database_url": url})


def test_an_installation_in_use_passes_all_checks(settings: Settings) -> None:
    settings.data_directory.mkdir()
    with prepared_catalog(settings):
        pass

    assert {name: result.ok for name, result in checked(settings).items()} == dict.fromkeys(
        INSTALLATION_CHECKS, True
    )


def test_an_installation_that_does_not_exist_yet_passes_and_is_told_so(settings: Settings) -> None:
    results = checked(settings)

    assert [name for name, result in results.items() if not result.ok] == []
    for name in ("data directory", "database", "storage", "lake"):
        assert "everlake init" in results[name].message
    assert not settings.data_directory.exists()


def test_a_failed_check_does_not_keep_others_from_running(tmp_path: Path) -> None:
    def fail(_: Settings) -> str:
        raise CheckFailed("do this")

    results = run_checks(
        settings_from({"data": str(tmp_path)}), {"first": fail, "second": lambda _: "fine"}
    )

    assert results == [
        CheckResult("first", False, Severity.ERROR, "do this"),
        CheckResult("second", True, Severity.OK, "fine"),
    ]


def test_tables_of_another_analysis_are_a_warning_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = WorkerFixture(tmp_path)
    home.accept(record("a"))
    home.process_all()
    home.close()
    settings = settings_from({"data": str(home.data)})
    assert checked(settings)["lake"].ok
    later = msgspec.structs.replace(UTTERANCES_TABLE, analysis_version=ANALYSIS_VERSION + 1)
    analysed = msgspec.structs.replace(UTTERANCES, spec=later)
    release = Registry([RECORDS, ARRIVALS, analysed])
    monkeypatch.setattr(
        health_checks,
        "open_lake",
        lambda url, catalog: Lake(open_lake(url, catalog)._backend, release),
    )

    result = checked(settings)["lake"]

    assert result.severity is Severity.WARNING
    assert "1 of 1 workspaces" in result.message
    assert "everlake lake rebuild --all" in result.message
