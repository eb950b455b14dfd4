"""The file of a SQLite catalog: its name, and what happens when it is deleted or replaced."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from everlake.catalog import workspaces
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogUnavailable
from everlake.catalog.opening import open_catalog
from tests.support.catalogs import migrated_catalog


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


@pytest.fixture
def catalog(file: Path) -> Iterator[Catalog]:
    opened = migrated_catalog(f"sqlite:///{file}")
    yield opened
    opened.close()


def write(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        workspaces.create(tx, name="Acme")


def delete(file: Path) -> None:
    for each in file.parent.glob("catalog.db*"):
        each.unlink()


def move_away(file: Path) -> None:
    file.rename(file.with_name("moved.db"))


def replace(file: Path) -> None:
    copy = file.with_name("copy.db")
    shutil.copyfile(file, copy)
    copy.rename(file)


LOSSES = pytest.mark.parametrize("lose", [delete, move_away, replace])


@LOSSES
def test_a_file_that_is_gone_takes_no_write(
    file: Path, catalog: Catalog, lose: Callable[[Path], None]
) -> None:
    with catalog.transaction() as tx:
        workspaces.create(tx, name="before")
    lose(file)

    for attempt in (lambda: write(catalog), catalog.check_writable):
        with pytest.raises(CatalogUnavailable, match="deleted or replaced") as refusal:
            attempt()
        assert "backup" in str(refusal.value)


@LOSSES
def test_a_file_that_disappears_during_a_transaction_takes_no_commit(
    file: Path, catalog: Catalog, lose: Callable[[Path], None]
) -> None:
    def lose_during_write() -> None:
        with catalog.transaction() as tx:
            workspaces.create(tx, name="lost")
            lose(file)

    with pytest.raises(CatalogUnavailable, match="deleted or replaced"):
        lose_during_write()


def test_a_file_that_is_put_back_takes_writes_again(file: Path, catalog: Catalog) -> None:
    write(catalog)
    move_away(file)
    with pytest.raises(CatalogUnavailable):
        write(catalog)
    file.with_name("moved.db").rename(file)
    write(catalog)

    with catalog.snapshot() as tx:
        assert len(workspaces.list_ids(tx)) == 2


def test_a_new_connection_makes_no_new_file_in_its_place(file: Path, catalog: Catalog) -> None:
    delete(file)
    with pytest.raises(CatalogUnavailable), catalog.snapshot():
        pass
    assert not file.exists()


def test_a_new_connection_reads_no_other_file(file: Path, catalog: Catalog) -> None:
    replace(file)
    with pytest.raises(CatalogUnavailable, match="deleted or replaced"), catalog.snapshot():
        pass


@pytest.mark.parametrize("name", ["cat alog.db", "100%.db", "a#c&mode=ro.db", "ü+.db"])
def test_the_name_of_a_file_may_have_any_letters(tmp_path: Path, name: str) -> None:
    opened = open_catalog(f"sqlite:///{tmp_path}/{name}")
    opened.upgrade()
    opened.check_writable()
    opened.close()
    assert [each.name for each in tmp_path.iterdir()] == [name]
