"""An older catalog put back beside a bucket whose tables have gone on since."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import lance
import pytest

from everlake.catalog.opening import open_catalog
from everlake.lake import LakeDamaged
from everlake.lake.opening import open_lake
from everlake.storage import object_store_options
from everlake.tables import s3_version_store as bucket_module
from everlake.worker import garbage_collection
from tests.support.bucket_worker import BucketWorkerFixture, PresentWriters
from tests.support.rebuilds import rebuild_workspace
from tests.support.s3 import S3Server, s3_environment
from tests.support.worker_fixture import record


@pytest.fixture
def home(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BucketWorkerFixture]:
    for name, value in s3_environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    made = BucketWorkerFixture(tmp_path, s3_server)
    yield made
    made.close()


def landed(home: BucketWorkerFixture, *names: str) -> None:
    for name in names:
        home.accept(record(name, name))
        home.process_all()


def back_up(home: BucketWorkerFixture) -> Path:
    copy = home.data / "backup.db"
    with (
        closing(sqlite3.connect(home.data / "everlake.db")) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy


def restore(home: BucketWorkerFixture, copy: Path) -> None:
    """As new processes find it: with the backup's catalog, and the bucket as it is."""
    home.catalog.close()
    home.catalog = open_catalog(f"sqlite:///{copy}")
    home.lake = open_lake(home.url, home.catalog, PresentWriters(home))


def clean_up(home: BucketWorkerFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delete all versions but the newest, as a worker does after a while."""
    with monkeypatch.context() as patched:
        patched.setattr(bucket_module, "VERSION_RETENTION", timedelta(0))
        patched.setattr(bucket_module, "MIN_VERSIONS_KEPT", 1)
        patched.setattr(bucket_module, "CLEANUP_THRESHOLD", 1)
        with home.writer_leases().holding(home.workspace_id):
            home.lake.engine.maintain(home.workspace_id)


def newest(home: BucketWorkerFixture, generation: int = 1) -> lance.LanceDataset:
    url = f"{home.url}/lake/workspace={home.workspace_id}/generation={generation}/records.lance"
    return lance.dataset(url, storage_options=object_store_options())


def test_a_version_that_is_still_there_serves_and_is_written_upon(
    home: BucketWorkerFixture,
) -> None:
    landed(home, "a", "b")
    waiting = home.accept(record("waiting", "waiting"))
    copy = back_up(home)
    home.process_all()
    landed(home, "later")
    assert newest(home).count_rows() == 4

    restore(home, copy)

    assert home.texts() == ["b", "a"]
    home.process_all()
    assert home.statuses(waiting) == ["COMPLETE"]
    assert home.texts() == ["waiting", "b", "a"]
    assert newest(home).count_rows() == 3
    assert home.search_texts("later") == []


def test_what_the_restored_catalog_does_not_know_goes_to_the_orphans(
    home: BucketWorkerFixture,
) -> None:
    landed(home, "a")
    copy = back_up(home)
    landed(home, "later")

    restore(home, copy)
    garbage_collection.quarantine_orphans(home.catalog, home.store, -60_000)

    keys = home.server.keys(home.bucket, "some/")
    assert len([key for key in keys if key.startswith("some/landing/")]) == 1
    assert len([key for key in keys if key.startswith("some/orphans/landing/")]) == 1
    assert home.texts() == ["a"]


def test_a_version_that_was_cleaned_up_is_told_and_made_again(
    home: BucketWorkerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed(home, "a", "b")
    waiting = home.accept(record("waiting", "waiting"))
    copy = back_up(home)
    home.process_all()
    landed(home, "later")
    clean_up(home, monkeypatch)

    restore(home, copy)

    with pytest.raises(LakeDamaged, match="lake rebuild"):
        home.texts()
    home.process_all()
    assert home.statuses(waiting) == ["LANDING"]
    rebuild_workspace(home)
    home.process_all()
    assert home.texts() == ["waiting", "b", "a"]
    assert home.search_texts("waiting") == ["waiting"]
    assert home.generations() == {"generation=2"}


def test_tables_that_were_replaced_since_are_told_and_made_again(
    home: BucketWorkerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed(home, "a", "b")
    copy = back_up(home)
    landed(home, "later")
    rebuild_workspace(home)
    landed(home, "last")
    clean_up(home, monkeypatch)
    assert home.generations() == {"generation=2"}

    restore(home, copy)

    with pytest.raises(LakeDamaged, match="lake rebuild"):
        home.texts()
    rebuild_workspace(home)
    assert home.texts() == ["b", "a"]
    assert home.search_texts("a") == ["a"]
    assert home.generations() == {"generation=2"}
    assert newest(home, 2).count_rows() == 2


def test_tables_of_which_the_restored_catalog_knows_nothing_are_begun_anew(
    home: BucketWorkerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = home.accept(record("waiting", "waiting"))
    copy = back_up(home)
    home.process_all()
    landed(home, "later", "last")
    clean_up(home, monkeypatch)

    restore(home, copy)

    assert home.texts() == []
    home.process_all()
    assert home.statuses(waiting) == ["COMPLETE"]
    assert home.texts() == ["waiting"]
    assert home.search_texts("waiting") == ["waiting"]
    assert newest(home).count_rows() == 1
