"""An older catalog put back beside a bucket whose tables have gone on since."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import lance
import pytest

from everlake.catalog.engine import Catalog
from everlake.lake import LakeDamaged
from everlake.lake import bucket as bucket_module
from everlake.lake.opening import open_lake
from everlake.storage import engine_options
from everlake.worker import housekeeping
from tests.integration.s3 import S3, variables
from tests.integration.worker.bucket import BucketHome, Present
from tests.integration.worker.home import record
from tests.integration.worker.rebuilding import rebuilt


@pytest.fixture
def home(s3_server: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketHome]:
    for name, value in variables(s3_server.url).items():
        monkeypatch.setenv(name, value)
    made = BucketHome(tmp_path, s3_server)
    yield made
    made.close()


def landed(home: BucketHome, *names: str) -> None:
    for name in names:
        home.accept(record(name, name))
        home.work()


def back_up(home: BucketHome) -> Path:
    copy = home.data / "backup.db"
    with (
        closing(sqlite3.connect(home.data / "everlake.db")) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy


def restore(home: BucketHome, copy: Path) -> None:
    """As new processes find it: with the backup's catalog, and the bucket as it is."""
    home.catalog.close()
    home.catalog = Catalog.open(f"sqlite:///{copy}")
    home.lake = open_lake(home.url, home.catalog, Present(home))


def clean_up(home: BucketHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delete all versions but the newest, as a worker does after a while."""
    with monkeypatch.context() as patched:
        patched.setattr(bucket_module, "KEEP_VERSIONS", timedelta(0))
        patched.setattr(bucket_module, "KEEP_NEWEST", 1)
        patched.setattr(bucket_module, "CLEAN_AT", 1)
        with home.writers().writing(home.workspace_id):
            home.lake.upkeep(home.workspace_id)


def newest(home: BucketHome, generation: int = 1) -> lance.LanceDataset:
    url = f"{home.url}/lake/workspace={home.workspace_id}/generation={generation}/records.lance"
    return lance.dataset(url, storage_options=engine_options())


def test_a_version_that_is_still_there_serves_and_is_written_upon(home: BucketHome) -> None:
    landed(home, "a", "b")
    waiting = home.accept(record("waiting", "waiting"))
    copy = back_up(home)
    home.work()
    landed(home, "later")
    assert newest(home).count_rows() == 4

    restore(home, copy)

    assert home.texts() == ["b", "a"]
    home.work()
    assert home.statuses(waiting) == ["COMPLETE"]
    assert home.texts() == ["waiting", "b", "a"]
    assert newest(home).count_rows() == 3
    assert home.found("later") == []


def test_what_the_restored_catalog_does_not_know_goes_to_the_orphans(home: BucketHome) -> None:
    landed(home, "a")
    copy = back_up(home)
    landed(home, "later")

    restore(home, copy)
    housekeeping.sweep(home.catalog, home.store, -60_000)

    keys = home.server.keys(home.bucket, "some/")
    assert len([key for key in keys if key.startswith("some/landing/")]) == 1
    assert len([key for key in keys if key.startswith("some/orphans/landing/")]) == 1
    assert home.texts() == ["a"]


def test_a_version_that_was_cleaned_up_is_told_and_made_again(
    home: BucketHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed(home, "a", "b")
    waiting = home.accept(record("waiting", "waiting"))
    copy = back_up(home)
    home.work()
    landed(home, "later")
    clean_up(home, monkeypatch)

    restore(home, copy)

    with pytest.raises(LakeDamaged, match="lake rebuild"):
        home.texts()
    home.work()
    assert home.statuses(waiting) == ["LANDING"]
    rebuilt(home)
    home.work()
    assert home.texts() == ["waiting", "b", "a"]
    assert home.found("waiting") == ["waiting"]
    assert home.generations() == {"generation=2"}


def test_tables_that_were_replaced_since_are_told_and_made_again(
    home: BucketHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed(home, "a", "b")
    copy = back_up(home)
    landed(home, "later")
    rebuilt(home)
    landed(home, "last")
    clean_up(home, monkeypatch)
    assert home.generations() == {"generation=2"}

    restore(home, copy)

    with pytest.raises(LakeDamaged, match="lake rebuild"):
        home.texts()
    rebuilt(home)
    assert home.texts() == ["b", "a"]
    assert home.found("a") == ["a"]
    assert home.generations() == {"generation=2"}
    assert newest(home, 2).count_rows() == 2


def test_tables_of_which_the_restored_catalog_knows_nothing_are_begun_anew(
    home: BucketHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = home.accept(record("waiting", "waiting"))
    copy = back_up(home)
    home.work()
    landed(home, "later", "last")
    clean_up(home, monkeypatch)

    restore(home, copy)

    assert home.texts() == []
    home.work()
    assert home.statuses(waiting) == ["COMPLETE"]
    assert home.texts() == ["waiting"]
    assert home.found("waiting") == ["waiting"]
    assert newest(home).count_rows() == 1
