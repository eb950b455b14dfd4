from pathlib import Path

import pytest

from everlake.operations.health_checks import (
    INSTALLATION_CHECKS,
    CheckFailed,
    CheckResult,
    Severity,
    run_checks,
)
from everlake.operations.opening import prepared_catalog
from everlake.settings import Settings, settings_from


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
