import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import TableClause, column, inspect, text

from everlake.catalog import jobs, migrations
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogTooNew, CatalogTooOld
from everlake.catalog.jobs import JobKind, JobRow, JobState
from everlake.catalog.opening import open_catalog
from everlake.catalog.schema import REVISION
from everlake.catalog.table_definitions import metadata
from tests.support.catalog_fixture import run_concurrently
from tests.support.job_rows import job_rows


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_server").new_database()
    return f"sqlite:///{tmp_path}/catalog.db"


def set_revision(catalog: Catalog, revision: str) -> None:
    with catalog.transaction() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = :new"), {"new": revision})


def test_the_tables_and_the_migrations_agree(catalog: Catalog) -> None:
    with catalog.snapshot() as tx:
        assert compare_metadata(MigrationContext.configure(tx), metadata) == []


def test_an_upgraded_database_passes_the_check(catalog: Catalog) -> None:
    catalog.check()
    catalog.upgrade()
    catalog.check()


def test_a_database_without_tables_is_too_old(url: str) -> None:
    catalog = open_catalog(url)
    with pytest.raises(CatalogTooOld, match="everlake db upgrade"):
        catalog.check()
    catalog.close()


def test_a_database_of_an_older_program_is_too_old(catalog: Catalog) -> None:
    set_revision(catalog, "0000")
    with pytest.raises(CatalogTooOld, match=r"0000.*everlake db upgrade"):
        catalog.check()


def test_the_migrations_are_one_ordered_sequence() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    revisions = [script.revision for script in scripts.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert scripts.get_current_head() == REVISION


def test_a_database_of_a_newer_program_is_not_changed(catalog: Catalog) -> None:
    set_revision(catalog, "9999")
    with pytest.raises(CatalogTooNew, match="9999"):
        catalog.check()
    with pytest.raises(CatalogTooNew, match="9999"):
        catalog.upgrade()


def test_a_failed_migration_changes_nothing(url: str) -> None:
    catalog = open_catalog(url)
    with catalog.transaction() as tx:
        tx.execute(text("CREATE TABLE leases (name TEXT)"))
    with pytest.raises(Exception, match="already exists"):
        catalog.upgrade()
    with catalog.snapshot() as tx:
        assert inspect(tx).get_table_names() == ["leases"]
    catalog.close()


def test_concurrent_upgrades_in_threads_run_once(url: str) -> None:
    def upgrade(_number: int) -> None:
        catalog = open_catalog(url)
        catalog.upgrade()
        catalog.check()
        catalog.close()

    run_concurrently(4, upgrade)


def test_concurrent_upgrades_in_processes_run_once(url: str) -> None:
    program = (
        "import sys; from everlake.catalog.opening import open_catalog; "
        "sys.stdin.read(); c = open_catalog(sys.argv[1]); c.upgrade(); c.check(); c.close()"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, url], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()


def upgrade_to(catalog: Catalog, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    with catalog.transaction() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, revision)


def insert_row(catalog: Catalog, table: str, **values: Any) -> None:
    # Not the tables of this version, which may have columns that an older schema lacks.
    described = TableClause(table, *map(column, values))
    with catalog.transaction() as tx:
        tx.execute(described.insert(), values)


def insert_old_attachment(catalog: Catalog, attachment_id: str, line: int, **values: Any) -> None:
    """An attachment as a program without jobs has it; its content was stored at 100."""
    insert_row(
        catalog,
        "attachments",
        id=attachment_id,
        workspace_id="w",
        batch_id="b",
        line=line,
        place=0,
        record_id="r",
        kind="file",
        host="",
        status="COMPLETE",
        due_at=50,
        attempts=0,
        completed_at=100,
        **{"text_attempts": 0, **values},
    )


def test_texts_that_wait_become_jobs(url: str) -> None:
    catalog = open_catalog(url)
    upgrade_to(catalog, "0005")
    insert_row(catalog, "workspaces", id="w", name="n", created_at=1, last_sequence=1)
    insert_row(
        catalog, "api_keys", id="k", workspace_id="w", label="l", permissions="[]", source="s",
        hint="h", secret_hash=b"x", created_at=1,
    )  # fmt: skip
    insert_row(
        catalog, "batches", id="b", workspace_id="w", sequence=1, status="COMPLETE", created_at=1,
        key_id="k", source="s", accepted=1, rejected=0, total_errors=0, errors="[]",
        landing_bytes=1, attachment_total=1, attachment_complete=1, attachment_failed=0, due_at=1,
        attempts=0,
    )  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"text_status": "PENDING", "text_due_at": 7},
        {
            "text_status": "PENDING",
            "text_due_at": 8,
            "text_attempts": 2,
            "text_error_code": "CRASHED",
            "text_error": "m",
        },
        {"text_status": "PENDING", "text_due_at": 9, "text_owner": "w/read"},
        {"text_status": "RECORDING", "text_due_at": 10},
        {"text_status": "READY", "text_due_at": 11},
        {"text_status": "COMPLETE", "text_due_at": 12, "indexed_at": 12},
        {
            "text_status": "FAILED",
            "text_due_at": 13,
            "text_attempts": 1,
            "text_error_code": "ENCRYPTED",
            "text_error": "m",
        },
        {"text_status": None},
    ]
    for line, values in enumerate(rows):
        insert_old_attachment(catalog, str(line), line, **values)

    catalog.upgrade()
    catalog.check()

    def job(kind: JobKind, subject: str, due_at: int, **values: Any) -> JobRow:
        unset: dict[str, Any] = {
            "state": JobState.PENDING,
            "lease_owner": None,
            "fence": 0,
            "attempts": 0,
            "error_code": None,
            "error": None,
        }
        given = {**unset, **values}
        return JobRow(
            kind=kind, subject=subject, workspace_id="w", due_at=due_at, created_at=100, **given
        )

    extract = JobKind.EXTRACT_TEXT
    assert job_rows(catalog) == [
        job(extract, "0", 7),
        job(extract, "1", 8, attempts=2, error_code="CRASHED", error="m"),
        job(extract, "2", 9, lease_owner="w/read", fence=1),
        job(extract, "6", 13, state=JobState.FAILED, attempts=1, error_code="ENCRYPTED", error="m"),
        job(JobKind.INDEX_TEXT, "4", 11),
        job(JobKind.TRANSCRIBE_RECORDING, "3", 10),
    ]
    with catalog.transaction() as tx:
        old = text("SELECT id FROM attachments WHERE text_due_at IS NOT NULL ORDER BY id")
        assert list(tx.execute(old).scalars()) == ["2", "5", "6"]
        claimed = jobs.claim(tx, extract, owner="new", now=9, lease_ms=1, limit=9, workspace_id="w")
    assert [(one.subject, one.attempts) for one in claimed] == [("0", 0), ("1", 2), ("2", 1)]
    catalog.close()
