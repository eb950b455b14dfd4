"""What a rebuild does where the archive, the catalog or the old tables have lost something."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import lance
import pytest

from everlake.catalog import workspaces
from everlake.catalog.opening import open_catalog
from everlake.lake import Lake, LakeUnavailable
from everlake.tables.local_backend import LocalTableBackend
from tests.support.rebuilds import (
    DuringRebuild,
    conversation,
    fill,
    rebuild_workspace,
    table_rows,
    texts,
)
from tests.support.worker_fixture import WorkerFixture, record


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def full_disk(_: Path) -> SimpleNamespace:
    return SimpleNamespace(free=1_000)


DAMAGES = {"flipped": flip, "cut": cut, "missing": Path.unlink}


@pytest.mark.parametrize("damage", DAMAGES)
def test_records_of_a_damaged_object_are_taken_over_from_the_old_tables(
    home: WorkerFixture, damage: str
) -> None:
    fill(home)
    batch_id = home.accept(conversation("c5", "replaced"), conversation("only here", "kept"))
    home.accept(conversation("c5", "came after"))
    home.process_all()
    before = table_rows(home.data, home.workspace_id)
    DAMAGES[damage](home.landing_file(batch_id))

    done = rebuild_workspace(home)

    assert table_rows(home.data, home.workspace_id) == before
    [problem] = done.problems
    assert problem.batch_id == batch_id
    assert "1 of its 2 records were taken over" in problem.problem
    assert "rebuild" in problem.action
    assert done.kept is None
    assert home.search_texts("kept") == ["kept"]


def test_an_object_that_is_put_back_is_no_problem_the_next_time(home: WorkerFixture) -> None:
    fill(home)
    batch_id = home.accept(record("a", "back"))
    home.process_all()
    file = home.landing_file(batch_id)
    content = file.read_bytes()
    before = table_rows(home.data, home.workspace_id)
    file.unlink()
    shutil.rmtree(home.data / "lake")

    done = rebuild_workspace(home)
    assert [problem.batch_id for problem in done.problems] == [batch_id]
    assert "0 of its 1 records" in done.problems[0].problem
    assert "back" not in texts(home)

    file.write_bytes(content)
    assert rebuild_workspace(home).problems == []
    assert table_rows(home.data, home.workspace_id) == before


def test_where_the_last_version_is_lost_the_one_before_it_serves(home: WorkerFixture) -> None:
    home.accept(record("a", "early"))
    lost = home.accept(record("a", "late"))
    home.process_all()
    home.landing_file(lost).unlink()
    shutil.rmtree(home.data / "lake")

    assert len(rebuild_workspace(home).problems) == 1
    assert texts(home) == ["early"]
    assert home.search_texts("early") == ["early"]


def test_an_object_of_another_batch_is_not_taken_for_the_batchs_own(home: WorkerFixture) -> None:
    first = home.accept(record("a", "short"))
    second = home.accept(record("b", "somewhat longer"))
    home.process_all()
    before = table_rows(home.data, home.workspace_id)
    one, other = home.landing_file(first), home.landing_file(second)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)

    done = rebuild_workspace(home)

    assert {problem.batch_id for problem in done.problems} == {first, second}
    assert table_rows(home.data, home.workspace_id) == before


def test_an_object_lost_while_the_rebuild_goes_on_does_not_stop_it(home: WorkerFixture) -> None:
    fill(home)
    batch_id = home.accept(conversation("c5", "lost"))
    home.process_all()
    before = table_rows(home.data, home.workspace_id)

    done = rebuild_workspace(
        home, watch=DuringRebuild("writing", home.landing_file(batch_id).unlink)
    )

    assert [problem.batch_id for problem in done.problems] == [batch_id]
    assert table_rows(home.data, home.workspace_id) == before


def test_a_batch_that_never_landed_needs_no_object_yet(home: WorkerFixture) -> None:
    fill(home)
    home.landing_file(home.accept(record("a", "waits"))).unlink()

    assert rebuild_workspace(home).problems == []


def test_old_tables_with_records_that_nothing_explains_are_kept(home: WorkerFixture) -> None:
    fill(home)
    stranger = WorkerFixture(home.data / "elsewhere")
    try:
        stranger.accept(record("stranger", "from elsewhere"))
        stranger.process_all()
        table = lance.dataset(
            Path(stranger.lake.engine.table_set(stranger.workspace_id).uri) / "records.lance"
        ).to_table()
    finally:
        stranger.close()
    mine = Path(home.lake.engine.table_set(home.workspace_id).uri) / "records.lance"
    lance.write_dataset(table, mine, mode="append")

    done = rebuild_workspace(home)

    assert "from elsewhere" not in texts(home)
    assert done.kept is not None
    assert lance.dataset(Path(done.kept) / "records.lance").count_rows() > done.records


def test_old_tables_that_cannot_be_read_are_kept_where_the_archive_has_lost_something(
    home: WorkerFixture,
) -> None:
    batch_id = home.accept(record("a", "torn"))
    home.process_all()
    tables = Path(home.lake.engine.table_set(home.workspace_id).uri)
    shutil.rmtree(tables / "records.lance" / "_versions")
    home.landing_file(batch_id).unlink()

    done = rebuild_workspace(home)

    [problem] = done.problems
    assert "cannot be read in full" in problem.problem
    assert done.kept is not None
    assert any((Path(done.kept) / "records.lance" / "data").iterdir())
    assert texts(home) == []


def test_tables_of_another_catalog_do_not_stand_in_the_way(home: WorkerFixture) -> None:
    # After a restore of an older catalog numbers are given again, and versions with them.
    fill(home)
    home.process_all()
    older = open_catalog(f"sqlite:///{home.data / 'older.db'}")
    older.upgrade()
    with older.transaction() as tx:
        workspaces.create(tx, name="older", workspace_id=home.workspace_id)
    held, home.catalog = home.catalog, older
    try:
        done = rebuild_workspace(home)
    finally:
        home.catalog = held
        older.close()

    assert (done.records, done.utterances) == (0, 0)
    assert done.kept is not None


def test_no_room_is_told_before_anything_is_written(
    home: WorkerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home)
    before = table_rows(home.data, home.workspace_id)
    monkeypatch.setattr(shutil, "disk_usage", full_disk)

    with pytest.raises(LakeUnavailable, match="Free disk space"):
        rebuild_workspace(home)
    monkeypatch.undo()
    assert table_rows(home.data, home.workspace_id) == before
    rebuild_workspace(home)
    assert table_rows(home.data, home.workspace_id) == before


def test_a_disk_that_fills_up_stops_it_and_the_next_call_goes_on(
    home: WorkerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home)
    before = table_rows(home.data, home.workspace_id)

    def fill_up() -> None:
        monkeypatch.setattr(shutil, "disk_usage", full_disk)

    with pytest.raises(LakeUnavailable, match="resumes the rebuild"):
        rebuild_workspace(home, watch=DuringRebuild("writing", fill_up))
    assert table_rows(home.data, home.workspace_id) == before
    monkeypatch.undo()

    seen: list[str] = []
    rebuild_workspace(home, watch=lambda what, *_: seen.append(what))
    assert "reading the archive" not in seen
    assert table_rows(home.data, home.workspace_id) == before


def test_a_torn_half_of_the_new_tables_is_thrown_away(home: WorkerFixture) -> None:
    fill(home)
    before = table_rows(home.data, home.workspace_id)
    staged = Path(home.lake.engine.table_set(home.workspace_id).staged_uri)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild_workspace(home, watch=DuringRebuild("writing", stop))
    for file in (staged / "arrivals.lance" / "data").iterdir():
        file.unlink()
    for file in (staged / "records.lance" / "_versions").iterdir():
        file.write_bytes(b"")

    with pytest.raises(LakeUnavailable, match="run the command again"):
        rebuild_workspace(home)
    assert rebuild_workspace(home).problems == []
    assert table_rows(home.data, home.workspace_id) == before


def test_another_lake_object_sees_the_new_tables(home: WorkerFixture) -> None:
    fill(home)
    reader = Lake(LocalTableBackend(home.data))
    count = reader.records.count(home.workspace_id)
    shutil.rmtree(home.data / "lake")
    assert reader.records.count(home.workspace_id) == 0

    rebuild_workspace(home)

    assert reader.records.count(home.workspace_id) == count
