import sqlite3
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from everlake.catalog import workspaces
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError, CatalogUnavailable
from everlake.catalog.opening import open_catalog
from everlake.catalog.table_definitions import workspaces as workspaces_table
from tests.support.catalog_fixture import CatalogFixture, run_concurrently


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/catalog.db"


def count(catalog: Catalog) -> int:
    with catalog.snapshot() as tx:
        return tx.execute(select(func.count()).select_from(workspaces_table)).scalar_one()


def pragma(catalog: Catalog, name: str) -> object:
    with catalog.transaction() as tx:
        return tx.exec_driver_sql(f"PRAGMA {name}").scalar()


def assert_tells_what_to_do(error: CatalogUnavailable) -> None:
    message = str(error)
    assert message.endswith(".")
    for internal in ("sqlite", "SELECT", "INSERT", "BEGIN", "PRAGMA", "Error", "http"):
        assert internal not in message


def test_opening_creates_the_directory_and_the_file(tmp_path: Path) -> None:
    open_catalog(f"sqlite:///{tmp_path}/a/b/catalog.db").close()
    assert (tmp_path / "a" / "b" / "catalog.db").is_file()


def test_a_commit_is_logged_ahead_and_synced(catalog: Catalog) -> None:
    assert pragma(catalog, "journal_mode") == "wal"
    assert pragma(catalog, "synchronous") == 2  # FULL
    assert pragma(catalog, "foreign_keys") == 1
    assert pragma(catalog, "busy_timeout") == 15_000


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:p@localhost/x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////tmp/x.db?mode=ro",
        "catalog.db",
    ],
)
def test_a_url_without_a_sqlite_file_is_rejected(url: str) -> None:
    with pytest.raises(CatalogError, match="sqlite:///"):
        open_catalog(url)


def test_a_transaction_is_committed_at_the_end_of_its_block(
    catalog: Catalog, other: Catalog
) -> None:
    with catalog.transaction() as tx:
        workspaces.create(tx, name="Acme")
        assert count(catalog) == 0
    assert count(catalog) == count(other) == 1


def test_an_exception_rolls_back(catalog: Catalog) -> None:
    def fail() -> None:
        with catalog.transaction() as tx:
            workspaces.create(tx, name="Acme")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert count(catalog) == 0
    with catalog.transaction() as tx:
        workspaces.create(tx, name="Acme")
    assert count(catalog) == 1


def test_a_snapshot_does_not_change(catalog: Catalog, other: Catalog) -> None:
    with catalog.snapshot() as tx:
        assert workspaces.first(tx) is None
        with other.transaction() as writing:
            workspaces.create(writing, name="Acme")
        assert workspaces.first(tx) is None
    assert count(catalog) == 1


def test_a_reader_cannot_write(catalog: Catalog) -> None:
    with pytest.raises(CatalogUnavailable), catalog.snapshot() as tx:
        workspaces.create(tx, name="Acme")


def test_a_transaction_inside_a_transaction_is_an_error(catalog: Catalog) -> None:
    with (
        catalog.transaction(),
        pytest.raises(RuntimeError, match="transaction"),
        catalog.transaction(),
    ):
        pass
    with catalog.transaction() as tx:
        workspaces.create(tx, name="Acme")
    assert count(catalog) == 1


def test_writers_of_many_threads_wait_for_each_other(home: CatalogFixture, other: Catalog) -> None:
    def write(number: int) -> None:
        catalog = other if number % 2 else home.catalog
        for _ in range(20):
            with catalog.transaction() as tx:
                row = workspaces.get(tx, home.workspace_id)
                assert row is not None
                assert list(workspaces.next_sequences(tx, row.id, 1)) == [row.last_sequence + 1]

    run_concurrently(6, write)
    with home.catalog.snapshot() as tx:
        row = workspaces.get(tx, home.workspace_id)
    assert row is not None
    assert row.last_sequence == 120


def test_more_readers_than_connections_wait_for_each_other(home: CatalogFixture) -> None:
    def read(_number: int) -> bool:
        with home.catalog.snapshot() as tx:
            return workspaces.get(tx, home.workspace_id) is not None

    assert all(run_concurrently(50, read))


def test_no_free_connection_in_time_is_unavailable(url: str) -> None:
    hasty = open_catalog(url, timeout=0.05)
    with ExitStack() as stack:
        for _ in range(32):
            stack.enter_context(hasty.snapshot())
        with pytest.raises(CatalogUnavailable, match="no connection") as refusal, hasty.snapshot():
            pass
    assert_tells_what_to_do(refusal.value)
    hasty.close()


def test_a_write_lock_held_by_another_process_is_unavailable(url: str, catalog: Catalog) -> None:
    hasty = open_catalog(url, timeout=0.05)
    with (
        catalog.transaction(),
        pytest.raises(CatalogUnavailable, match="busy") as refusal,
        hasty.transaction(),
    ):
        pass
    assert_tells_what_to_do(refusal.value)
    with hasty.transaction() as tx:
        workspaces.create(tx, name="Acme")
    hasty.close()


def test_a_write_lock_held_by_another_thread_is_unavailable(url: str, catalog: Catalog) -> None:
    hasty = open_catalog(url, timeout=0.05)

    def write(_number: int) -> None:
        with pytest.raises(CatalogUnavailable, match="busy") as refusal, hasty.transaction():
            pass
        assert_tells_what_to_do(refusal.value)

    with hasty.transaction():
        run_concurrently(1, write)
    hasty.close()


def fill(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        for _ in range(100):
            workspaces.create(tx, name="Acme" * 60)


def test_a_full_disk_is_unavailable_and_stores_nothing(catalog: Catalog) -> None:
    # The writing connection is always the same one, so the bound holds for what follows.
    pages = pragma(catalog, "page_count")
    pragma(catalog, f"max_page_count={pages}")
    with pytest.raises(CatalogUnavailable, match="full") as refusal:
        fill(catalog)
    assert_tells_what_to_do(refusal.value)
    assert count(catalog) == 0
    pragma(catalog, "max_page_count=1000000")
    fill(catalog)
    assert count(catalog) == 100


def test_a_read_only_database_is_unavailable(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.exec_driver_sql("PRAGMA query_only=ON")
    with (
        pytest.raises(CatalogUnavailable, match="cannot be") as refusal,
        catalog.transaction() as tx,
    ):
        workspaces.create(tx, name="Acme")
    assert_tells_what_to_do(refusal.value)


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"something else" * 1_000)
    with pytest.raises(CatalogUnavailable, match="not a database") as refusal:
        open_catalog(f"sqlite:///{tmp_path}/catalog.db")
    assert_tells_what_to_do(refusal.value)


@pytest.mark.parametrize("path", ["", "/file/catalog.db"])
def test_a_path_where_no_file_can_be_is_unavailable(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CatalogUnavailable, match="cannot be opened") as refusal:
        open_catalog(f"sqlite:///{tmp_path}{path}")
    assert_tells_what_to_do(refusal.value)


def test_a_programming_error_is_not_unavailable(catalog: Catalog) -> None:
    with pytest.raises(Exception, match="no such table"), catalog.snapshot() as tx:
        tx.execute(text("SELECT 1 FROM missing"))


def test_the_counter_changes_when_another_process_commits(url: str, catalog: Catalog) -> None:
    before = catalog.change_counter()
    assert catalog.change_counter() == before
    program = (
        "import sys; from everlake.catalog.opening import open_catalog; "
        "from everlake.catalog import workspaces\n"
        "with open_catalog(sys.argv[1]).transaction() as tx: workspaces.create(tx, name='Acme')"
    )
    subprocess.run([sys.executable, "-c", program, url], check=True)
    after = catalog.change_counter()
    assert after != before
    count(catalog)
    assert catalog.change_counter() == after


def test_a_closed_catalog_leaves_only_the_database_file(url: str, tmp_path: Path) -> None:
    catalog = open_catalog(url)
    catalog.upgrade()
    catalog.change_counter()
    catalog.check()
    catalog.close()
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.db"]
    assert sqlite3.connect(tmp_path / "catalog.db").execute(
        "PRAGMA integrity_check"
    ).fetchone() == ("ok",)
