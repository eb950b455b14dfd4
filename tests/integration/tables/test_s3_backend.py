"""Tables in a bucket: there is no lock, and versions written too late are not published."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import lance
import pytest

from everlake.catalog import table_versions
from everlake.catalog.errors import CatalogUnavailable
from everlake.lake import Lake, LakeDamaged, LakeUnavailable
from everlake.lake.opening import open_lake
from everlake.lake.record_merge import merge_inputs
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.search import search
from everlake.storage import object_store_options
from everlake.tables import s3_version_store as bucket_module
from everlake.tables.snapshot import Snapshot
from everlake.tables.table import TableWriter
from tests.support.bucket_lake import BucketLake, LakeProcess
from tests.support.lake_rows import analysed_record, arrived_record, record_id


def merged(process: LakeProcess, name: str, sequence: int) -> None:
    with process.writers.holding("w"):
        process.lake.records.merge("w", [arrived_record(name, sequence)])


def versions(lake: Lake) -> dict[str, int]:
    page = lake.records.page("w", limit=100).records
    assert len(page) == len({one.record_id for one in page})
    return {one.record_id: one.version for one in page}


def raw(home: BucketLake, table: str = "records", generation: int = 1) -> lance.LanceDataset:
    """The newest version, published or not."""
    url = f"{home.url}/lake/workspace=w/generation={generation}/{table}.lance"
    return lance.dataset(url, storage_options=object_store_options())


@contextmanager
def half_way(process: LakeProcess, name: str, sequence: int) -> Iterator[TableWriter]:
    """A process that has prepared a merge and not committed it."""
    with (
        process.writers.holding("w"),
        process.lake.engine.table("w", RECORDS_TABLE).writing() as writer,
    ):
        (portion,) = merge_inputs([arrived_record(name, sequence)])
        pending = writer.snapshot.prepare_merge(
            portion.records, "record_id", "source.version > target.version", use_index=False
        )
        yield writer
        writer.commit(pending)


def overtaken(home: BucketLake, slow: LakeProcess, quick: LakeProcess) -> None:
    """The slow one prepares a merge; another takes its lease and writes; then it continues."""
    with half_way(slow, "a", 2):
        quick.writers.force_acquire("w")
        merged(quick, "a", 3)


def test_a_paused_writer_that_continues_after_another_duplicates_nothing(
    bucket: BucketLake,
) -> None:
    slow, quick, reader = bucket.process(), bucket.process(), bucket.reader()
    merged(slow, "b", 1)
    with pytest.raises(LakeUnavailable, match="another writer"):
        overtaken(bucket, slow, quick)

    # The engine has put it on top, where it would be there twice.
    assert raw(bucket).count_rows() == 3
    assert versions(reader) == versions(quick.lake) == versions(slow.lake)
    assert reader.records.count("w") == 2

    with pytest.raises(LakeUnavailable, match="another writer"):
        merged(quick, "c", 4)  # finds out
    merged(quick, "c", 4)
    assert reader.records.count("w") == raw(bucket).count_rows() == 3
    assert versions(reader)[record_id("a")] == arrived_record("a", 3).version


def test_a_writer_that_lost_its_lease_writes_nothing_even_if_nobody_else_wrote(
    bucket: BucketLake,
) -> None:
    slow, quick = bucket.process(), bucket.process()
    merged(slow, "b", 1)
    with pytest.raises(LakeUnavailable, match="taken over"), half_way(slow, "a", 2):
        quick.writers.force_acquire("w")
    assert bucket.reader().records.count("w") == 1
    merged(quick, "a", 2)
    assert bucket.reader().records.count("w") == raw(bucket).count_rows() == 2


def test_nobody_writes_without_a_lease(bucket: BucketLake) -> None:
    with pytest.raises(LakeUnavailable, match="taken over"):
        bucket.process().lake.records.merge("w", [arrived_record("a", 1)])
    with pytest.raises(LakeUnavailable, match="taken over"):
        bucket.reader().records.merge("w", [arrived_record("a", 1)])
    assert bucket.reader().records.count("w") == 0


def test_an_unpublished_version_is_not_read_and_is_written_again(
    bucket: BucketLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = bucket.process(), bucket.process()
    merged(first, "a", 1)

    def die(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(table_versions, "publish", die)
        with pytest.raises(KeyboardInterrupt), half_way(first, "b", 2):
            pass
    assert raw(bucket).count_rows() == 2
    assert bucket.reader().records.count("w") == 1
    assert not second.lake.engine.has_unpublished_versions("w")

    second.writers.force_acquire("w")
    with second.lake.engine.table("w", RECORDS_TABLE).writing():
        pass
    assert raw(bucket).count_rows() == bucket.reader().records.count("w") == 1
    merged(second, "b", 2)
    assert bucket.reader().records.count("w") == raw(bucket).count_rows() == 2


def test_a_table_whose_creator_died_before_publishing_is_overwritten(
    bucket: BucketLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = bucket.process(), bucket.process()

    def die(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(table_versions, "publish", die)
        with pytest.raises(KeyboardInterrupt):
            merged(first, "a", 1)
    assert bucket.reader().records.count("w") == 0
    second.writers.force_acquire("w")
    merged(second, "a", 1)
    assert bucket.reader().records.count("w") == raw(bucket).count_rows() == 1


def test_two_processes_that_create_the_same_table_create_one(
    bucket: BucketLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = bucket.process(), bucket.process()
    create = Snapshot.create

    def after_the_other(*args: Any) -> Snapshot:
        patched.undo()
        quick.writers.force_acquire("w")
        merged(quick, "a", 1)
        return create(*args)

    with monkeypatch.context() as patched:
        patched.setattr(Snapshot, "create", after_the_other)
        with pytest.raises(LakeUnavailable, match="taken over"):
            merged(slow, "a", 1)
    assert versions(bucket.reader()) == {record_id("a"): arrived_record("a", 1).version}
    with pytest.raises(LakeUnavailable, match="another writer"):
        merged(quick, "b", 2)
    merged(quick, "b", 2)
    assert bucket.reader().records.count("w") == raw(bucket).count_rows() == 2


def test_an_unavailable_catalog_leaves_the_table_unchanged(
    bucket: BucketLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = bucket.process()
    merged(process, "a", 1)

    def away(*_: object) -> bool:
        raise CatalogUnavailable("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(table_versions, "publish", away)
        with pytest.raises(LakeUnavailable, match="the database is away"):
            merged(process, "b", 2)
    assert bucket.reader().records.count("w") == 1
    merged(process, "b", 2)
    assert bucket.reader().records.count("w") == raw(bucket).count_rows() == 2


def test_maintenance_changes_no_answer(bucket: BucketLake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = bucket.lake()
    for sequence in range(1, 40):
        lake.records.merge("w", [arrived_record(sequence % 30, sequence)])
    before = versions(bucket.reader())
    steps = lake.engine.maintain("w")
    assert {step.action for step in steps} >= {"compact"}
    assert versions(bucket.reader()) == before
    assert len(raw(bucket).get_fragments()) < 20

    monkeypatch.setattr(bucket_module, "VERSION_RETENTION", timedelta(0))
    monkeypatch.setattr(bucket_module, "CLEANUP_THRESHOLD", 1)
    assert "clean" in {step.action for step in lake.engine.maintain("w")}
    assert len(raw(bucket).versions()) == bucket_module.MIN_VERSIONS_KEPT
    assert versions(bucket.reader()) == before


def test_a_compaction_interrupted_by_a_paused_writer_is_not_published(
    bucket: BucketLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = bucket.process(), bucket.process()
    for sequence in range(1, 20):
        merged(slow, str(sequence), sequence)
    prepare = Snapshot.prepare_compaction
    paused = half_way(slow, "late", 31)
    paused.__enter__()
    quick.writers.force_acquire("w")

    def then_the_other(self: Snapshot, *args: Any) -> list[Any]:
        done = prepare(self, *args)
        with pytest.raises(LakeUnavailable, match="taken over"):
            paused.__exit__(None, None, None)
        return done

    with monkeypatch.context() as patched:
        patched.setattr(Snapshot, "prepare_compaction", then_the_other)
        with pytest.raises(LakeUnavailable, match="another writer"), quick.writers.holding("w"):
            quick.lake.engine.maintain("w")
    assert bucket.reader().records.count("w") == 19
    merged(quick, "after", 40)
    assert bucket.reader().records.count("w") == raw(bucket).count_rows() == 20


def test_utterances_are_found(bucket: BucketLake) -> None:
    lake = bucket.lake()
    row = arrived_record("a", 1)
    lake.records.merge("w", [row])
    lake.utterances.write("w", [analysed_record(row, "the export to excel fails")])
    (hit,) = search(bucket.reader(), "w", "excel").hits
    assert hit.record_id == row.record_id


def test_an_unreachable_bucket_is_unavailable_and_not_damaged(
    bucket: BucketLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.lake().records.merge("w", [arrived_record("a", 1)])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(LakeUnavailable, match="the network"):
        open_lake(bucket.url, bucket.catalog).records.count("w")


def test_a_table_that_lost_objects_is_damaged(bucket: BucketLake) -> None:
    bucket.lake().records.merge("w", [arrived_record("a", 1)])
    for key in bucket.server.keys(bucket.bucket):
        if "records.lance/_versions" in key:
            bucket.server.delete(bucket.bucket, key)
    with pytest.raises(LakeDamaged, match="lake rebuild"):
        bucket.reader().records.count("w")
