import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from everlake.catalog import migrations
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogTooNew, CatalogTooOld
from everlake.catalog.opening import open_catalog
from everlake.catalog.schema import REVISION
from everlake.catalog.table_definitions import metadata
from tests.support.catalog_fixture import run_concurrently


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


def test_the_migrations_are_one_line_in_order_up_to_the_known_revision() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    revisions = [script.revision for script in scripts.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert scripts.get_current_head() == REVISION


def test_a_database_of_a_newer_program_is_left_alone(catalog: Catalog) -> None:
    set_revision(catalog, "9999")
    with pytest.raises(CatalogTooNew, match="9999"):
        catalog.check()
    with pytest.raises(CatalogTooNew, match="9999"):
        catalog.upgrade()


def test_a_migration_that_breaks_off_leaves_nothing(url: str) -> None:
    catalog = open_catalog(url)
    with catalog.transaction() as tx:
        tx.execute(text("CREATE TABLE leases (name TEXT)"))
    with pytest.raises(Exception, match="already exists"):
        catalog.upgrade()
    with catalog.snapshot() as tx:
        assert inspect(tx).get_table_names() == ["leases"]
    catalog.close()


def test_upgrades_in_many_threads_at_once_do_it_once(url: str) -> None:
    def upgrade(_number: int) -> None:
        catalog = open_catalog(url)
        catalog.upgrade()
        catalog.check()
        catalog.close()

    run_concurrently(4, upgrade)


def test_upgrades_in_several_processes_at_once_do_it_once(url: str) -> None:
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
