"""The tables made again where they lie in a bucket: one number more, and the old ones go."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from everlake.catalog import table_versions
from everlake.contract.batches import BatchStatus
from everlake.lake import LakeUnavailable
from everlake.lake.derived_tables import DERIVED_TABLES
from everlake.lake.opening import open_lake
from everlake.model.batches import BatchRow
from everlake.worker.types import Stage
from tests.support.bucket_worker import BucketWorkerFixture, PresentWriters
from tests.support.rebuilds import KEYS, DuringRebuild, conversation, fill, rebuild_workspace, texts
from tests.support.s3 import S3Server, s3_environment
from tests.support.worker_fixture import WorkerFixture, record


@pytest.fixture
def home(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BucketWorkerFixture]:
    for name, value in s3_environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    made = BucketWorkerFixture(tmp_path, s3_server)
    yield made
    made.close()


def rows(home: WorkerFixture) -> dict[str, list[dict[str, Any]]]:
    """Every row and column of every table, in a fixed order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for spec in DERIVED_TABLES.specs:
        now = home.lake.engine.table(home.workspace_id, spec).latest()
        there = now.select(spec.schema.names) if now is not None else []
        key = KEYS[spec.name]
        found[spec.name] = sorted(there, key=lambda row, key=key: tuple(row[name] for name in key))
    return found


def stop() -> None:
    raise KeyboardInterrupt


def test_every_row_comes_out_the_same_and_the_old_objects_are_gone(
    home: BucketWorkerFixture,
) -> None:
    fill(home)
    before = rows(home)
    assert home.generations() == {"generation=1"}

    done = rebuild_workspace(home)

    assert rows(home) == before
    assert (done.records, done.utterances) == (len(before["records"]), len(before["utterances"]))
    assert done.problems == []
    assert home.generations() == {"generation=2"}
    assert home.search_texts("again") != []


@pytest.mark.parametrize("moment", ["reading the archive", "writing", "indexing", "catching up"])
def test_what_lands_and_is_analysed_meanwhile_is_in_the_new_tables(
    home: BucketWorkerFixture, moment: str
) -> None:
    fill(home)
    home.accept(record("new", "was landing"))
    home.process_all(home.landing_stage())

    def meanwhile() -> None:
        home.accept(record("later", "came later"))
        home.accept(conversation("c2", "came again"))
        home.process_all()
        home.accept(record("last", "landed and no more"))
        home.process_all(home.landing_stage())

    rebuild_workspace(home, watch=DuringRebuild(moment, meanwhile))

    assert "landed and no more" in texts(home)
    home.process_all()
    after = rows(home)
    rebuild_workspace(home)
    assert rows(home) == after


def test_what_a_worker_has_in_hand_at_the_swap_is_not_lost(home: BucketWorkerFixture) -> None:
    fill(home)

    def around(stage: Stage) -> Stage:
        """The stage, with a rebuild between its work and its batches moving forward."""

        def work(group: Sequence[BatchRow]) -> None:
            stage.process(group)
            rebuild_workspace(home)

        return msgspec.structs.replace(stage, process=work)

    batch_id = home.accept(record("in hand", "in hand"))
    assert home.stage_runner(around(home.landing_stage())).run_once()
    assert home.batch(batch_id).status is BatchStatus.LANDED
    assert "in hand" in texts(home)
    assert home.stage_runner(around(home.analysis_stage())).run_once()
    assert home.search_texts('"in hand"') == ["in hand"]


@pytest.mark.parametrize("moment", ["reading the archive", "writing", "indexing", "catching up"])
def test_one_that_was_stopped_is_gone_on_with(home: BucketWorkerFixture, moment: str) -> None:
    fill(home)
    before = rows(home)
    with pytest.raises(KeyboardInterrupt):
        rebuild_workspace(home, watch=DuringRebuild(moment, stop))
    assert rows(home) == before

    rebuild_workspace(home)

    assert rows(home) == before
    assert home.generations() == {"generation=2"}


def test_another_machine_is_told_that_one_is_under_way(
    home: BucketWorkerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home)
    told: list[str] = []

    def another() -> None:
        with monkeypatch.context() as patched:
            patched.setattr("everlake.tables.staging_leases.PROCESS_NAME", "another")
            patched.setattr("everlake.tables.s3_table_set.STAGING_TIMEOUT_SECONDS", 0.1)
            home.lake = open_lake(home.url, home.catalog, PresentWriters(home))
            with pytest.raises(LakeUnavailable) as error:
                rebuild_workspace(home)
            told.append(str(error.value))

    rebuild_workspace(home, watch=DuringRebuild("writing", another))
    assert "Another process rebuilds the tables" in told[0]
    assert home.generations() == {"generation=2"}


def test_one_that_died_after_the_swap_is_finished_by_the_next(
    home: BucketWorkerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home)
    before = rows(home)
    swap = table_versions.promote_generation

    def swap_and_die(*args: Any, **options: Any) -> bool:
        swap(*args, **options)
        args[0].commit()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(table_versions, "promote_generation", swap_and_die)
        with pytest.raises(KeyboardInterrupt):
            rebuild_workspace(home)
    assert home.generations() == {"generation=1", "generation=2"}
    seen: list[str] = []
    done = rebuild_workspace(home, watch=lambda what, *_: seen.append(what))
    assert seen == []
    assert done.records == len(before["records"])
    assert rows(home) == before
    assert home.generations() == {"generation=2"}


def test_old_tables_that_nothing_explains_are_kept_where_they_are(
    home: BucketWorkerFixture,
) -> None:
    fill(home)
    with (
        home.catalog.transaction() as tx
    ):  # a catalog that does not know a batch which the tables have
        tx.exec_driver_sql("DELETE FROM idempotency")
        tx.exec_driver_sql(
            "DELETE FROM batches WHERE id = (SELECT id FROM batches ORDER BY sequence LIMIT 1)"
        )
    done = rebuild_workspace(home)
    assert done.kept is not None
    assert done.kept.endswith("generation=1")
    assert home.generations() == {"generation=1", "generation=2"}
    rebuild_workspace(home)
    assert home.generations() == {"generation=1", "generation=3"}


def test_one_that_stood_still_while_another_made_them_writes_no_more(
    home: BucketWorkerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home)
    before = rows(home)

    def overtaken() -> None:
        with monkeypatch.context() as patched:
            patched.setattr("everlake.tables.staging_leases.PROCESS_NAME", "another")
            with home.catalog.transaction() as tx:  # as time does
                tx.exec_driver_sql("UPDATE leases SET until = 0 WHERE name LIKE 'rebuild/%'")
            home.lake = open_lake(home.url, home.catalog, PresentWriters(home))
            rebuild_workspace(home)
            with pytest.raises(KeyboardInterrupt):
                rebuild_workspace(
                    home, watch=DuringRebuild("writing", stop)
                )  # and a third set is begun

    with pytest.raises(LakeUnavailable):
        rebuild_workspace(home, watch=DuringRebuild("writing", overtaken))
    assert rows(home) == before
    rebuild_workspace(home)
    assert rows(home) == before
