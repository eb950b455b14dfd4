"""Contract, Errors: 500 and 503 while the database, the storage or the tables are broken."""

import shutil
from pathlib import Path

from tests.support.api_workspaces import ApiWorkspaces, assert_error
from tests.support.server import ApiClient


def test_storage_that_is_away_is_unavailable_and_nothing_is_half_stored(
    home: ApiWorkspaces, fresh: ApiClient
) -> None:
    fresh.accept(fresh.record())
    folder = home.server.data / "landing" / f"workspace={fresh.setup['workspace_id']}"
    away = folder.with_name("away-" + folder.name)
    folder.rename(away)
    folder.write_text("no folder")
    headers = {"idempotency-key": "a"}
    try:
        assert_error(fresh.post(fresh.record(), headers=headers), 503, "UNAVAILABLE")
        answer = fresh.post(b"{}")
        assert_error(answer, 503, "UNAVAILABLE")
        assert str(home.server.data) not in answer.text
    finally:
        folder.unlink()
        away.rename(folder)
    assert len(fresh.http.get("/api/v1/ingest/batches").json()["batches"]) == 1
    again = fresh.post(fresh.record(), headers=headers)
    assert again.status_code == 202
    assert "idempotent-replayed" not in again.headers


def test_a_dry_run_needs_no_storage(home: ApiWorkspaces, fresh: ApiClient) -> None:
    folder = home.server.data / "landing" / f"workspace={fresh.setup['workspace_id']}"
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("no folder")
    try:
        assert fresh.post(fresh.record(), params={"dry_run": "true"}).status_code == 200
    finally:
        folder.unlink()


def test_tables_that_cannot_be_read_are_unavailable_and_leave_the_rest_alone(
    strict: ApiWorkspaces,
) -> None:
    api = strict.workspace()
    spoil(strict.server.data / "lake" / f"workspace={api.setup['workspace_id']}")
    for path in ("/api/v1/records", "/api/v1/records/" + "0" * 32, "/api/v1/search?q=hello"):
        answer = api.http.get(path)
        assert_error(answer, 503, "UNAVAILABLE")
        assert "lance" not in answer.text
        assert str(strict.server.data) not in answer.text
    api.accept(api.record())
    assert strict.workspace().http.get("/api/v1/records").status_code == 200


def test_an_unexpected_error_names_the_request_and_nothing_of_the_inside(
    strict: ApiWorkspaces,
) -> None:
    api = strict.workspace()
    with strict.catalog.transaction() as tx:
        tx.exec_driver_sql("ALTER TABLE projects RENAME TO projects_away")
    try:
        answer = api.http.get("/api/v1/projects", headers={"x-request-id": "look-for-me"})
    finally:
        with strict.catalog.transaction() as tx:
            tx.exec_driver_sql("ALTER TABLE projects_away RENAME TO projects")
    message = assert_error(answer, 500, "INTERNAL_ERROR")["message"]
    assert answer.headers["x-request-id"] == "look-for-me"
    assert "look-for-me" in message
    for inside in ("projects", "sqlite", "SELECT", str(strict.server.data)):
        assert inside not in answer.text
    lines = [line for line in strict.server.log().splitlines() if "look-for-me" in line]
    assert any("no such table: projects" in line for line in lines)
    assert api.http.get("/api/v1/projects").status_code == 200


def spoil(folder: Path) -> None:
    """Damage the workspace's tables."""
    shutil.rmtree(folder, ignore_errors=True)
    for table in ("records", "arrivals", "utterances"):
        versions = folder / f"{table}.lance" / "_versions"
        versions.mkdir(parents=True)
        (versions / "1.manifest").write_bytes(b"not a manifest")
