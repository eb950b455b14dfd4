"""Tables that are missing although batches are in them: nothing is empty, nothing begins anew."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from everlake.contract.batches import BatchStatus
from everlake.lake import Lake, LakeDamaged
from everlake.lake.expected_tables import check_present
from everlake.lake.opening import open_lake
from tests.support.bucket_worker import BucketWorkerFixture
from tests.support.rebuilds import rebuild_workspace
from tests.support.s3 import S3Server, s3_environment
from tests.support.worker_fixture import WorkerFixture, record

_CURE = "everlake lake rebuild"


@pytest.fixture(params=["disk", "bucket"])
def installation(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[WorkerFixture]:
    if request.param == "disk":
        home = WorkerFixture(tmp_path)
    else:
        server: S3Server = request.getfixturevalue("s3_server")
        for name, value in s3_environment(server.url).items():
            monkeypatch.setenv(name, value)
        home = BucketWorkerFixture(tmp_path, server)
    yield home
    home.close()


def remove_lake(home: WorkerFixture) -> None:
    """What happens to the lake when its disk is not mounted, or its folder is deleted."""
    if isinstance(home, BucketWorkerFixture):
        for key in home.server.keys(home.bucket, "some/lake/"):
            home.server.delete(home.bucket, key)
    else:
        shutil.rmtree(home.data / "lake")


def new_reader(home: WorkerFixture) -> Lake:
    """The lake as a process opens it that starts now."""
    url = home.url if isinstance(home, BucketWorkerFixture) else home.data.as_uri()
    return open_lake(url, home.catalog)


READS: dict[str, Callable[[WorkerFixture, Lake], object]] = {
    "count": lambda home, lake: lake.records.count(home.workspace_id),
    "utterances": lambda home, lake: lake.engine.tables(home.workspace_id)[-1].read(
        lambda now: now.count(), 0
    ),
    "sql": lambda home, lake: [table.latest() for table in lake.engine.tables(home.workspace_id)],
    "check": lambda home, lake: check_present(home.catalog, lake),
}


@pytest.mark.parametrize("read", READS)
def test_no_reader_finds_an_empty_lake(installation: WorkerFixture, read: str) -> None:
    installation.accept(record("a"))
    installation.process_all()
    remove_lake(installation)

    with pytest.raises(LakeDamaged, match=_CURE):
        READS[read](installation, new_reader(installation))


def test_a_reader_that_has_read_before_notices(tmp_path: Path) -> None:
    home = WorkerFixture(tmp_path)
    home.accept(record("a"))
    home.process_all()
    reader = new_reader(home)
    assert reader.records.count(home.workspace_id) == 1
    remove_lake(home)

    with pytest.raises(LakeDamaged, match=_CURE):
        reader.records.count(home.workspace_id)
    home.close()


def test_new_batches_wait_for_the_rebuild(installation: WorkerFixture) -> None:
    home = installation
    home.accept(record("a"), record("b"))
    home.process_all()
    remove_lake(home)
    later = home.accept(record("c"))

    home.stage_runner(home.landing_stage()).run_once()
    assert home.statuses(later) == [BatchStatus.LANDING]
    with pytest.raises(LakeDamaged):
        new_reader(home).records.count(home.workspace_id)

    assert rebuild_workspace(home).problems == []
    home.process_all()
    assert home.statuses(later) == [BatchStatus.COMPLETE]
    assert new_reader(home).records.count(home.workspace_id) == 3
    assert check_present(home.catalog, new_reader(home)) == 1


def test_nothing_is_made_where_the_lake_has_to_be_put_back(tmp_path: Path) -> None:
    home = WorkerFixture(tmp_path)
    home.accept(record("a"))
    home.process_all()
    lake, away = home.data / "lake", tmp_path / "away"
    lake.rename(away)
    later = home.accept(record("b"))

    home.stage_runner(home.landing_stage()).run_once()
    with pytest.raises(LakeDamaged):
        new_reader(home).records.count(home.workspace_id)
    assert not lake.exists()

    away.rename(lake)
    give_up = time.monotonic() + 60
    while home.statuses(later) != [BatchStatus.COMPLETE]:  # it is tried again by itself
        assert time.monotonic() < give_up
        home.process_all()
        time.sleep(0.1)
    assert new_reader(home).records.count(home.workspace_id) == 2
    home.close()


def test_a_landed_batch_waits_as_well(installation: WorkerFixture) -> None:
    home = installation
    home.accept(record("a"))
    home.process_all()
    landed = home.accept(record("b"))
    home.stage_runner(home.landing_stage()).run_once()
    remove_lake(home)

    home.stage_runner(home.analysis_stage()).run_once()
    assert home.statuses(landed) != [BatchStatus.COMPLETE]

    assert rebuild_workspace(home).problems == []
    home.process_all()
    assert home.statuses(landed) == [BatchStatus.COMPLETE]
    assert new_reader(home).records.count(home.workspace_id) == 2


def test_a_workspace_without_records_has_no_tables_yet(installation: WorkerFixture) -> None:
    assert new_reader(installation).records.count(installation.workspace_id) == 0
    assert check_present(installation.catalog, new_reader(installation)) == 0


def test_records_without_words_have_all_tables(installation: WorkerFixture) -> None:
    installation.accept(record("a", text=""))
    installation.process_all()
    assert check_present(installation.catalog, new_reader(installation)) == 1
