"""What a crash leaves is swept away, and nothing else is."""

import os
import time
from pathlib import Path

import pytest

from everlake.catalog import idempotency, workspaces
from everlake.catalog.idempotency import IdempotentResponse
from everlake.catalog.opening import open_catalog
from everlake.landing.paths import batch_id_of
from everlake.storage import open_store
from everlake.worker import garbage_collection, maintenance
from tests.support.s3 import S3Server, s3_environment
from tests.support.worker_fixture import WorkerFixture, record

HOUR_MS = 3_600_000


def age(path: Path, milliseconds: int) -> None:
    then = time.time() - milliseconds / 1000
    os.utime(path, (then, then))


def orphan(home: WorkerFixture, name: str, milliseconds: int = 2 * HOUR_MS) -> Path:
    """An object beside those of real batches, whose batch was never committed."""
    batch_id = home.accept(record("neighbour"))
    path = home.landing_file(batch_id).with_name(name)
    path.write_bytes(b"x")
    age(path, milliseconds)
    return path


def sweep(home: WorkerFixture) -> int:
    return garbage_collection.quarantine_orphans(home.catalog, home.store, HOUR_MS)


NAMES = [
    "0198c0de-0000-7000-8000-000000000000.ndjson.zst",
    "0198c0de-0000-7000-8000-000000000000.rejected.ndjson.zst",
    "0198c0de-0000-7000-8000-000000000000.ndjson.zst.1a2b3c4d.partial",
]


@pytest.mark.parametrize("name", NAMES)
def test_an_old_object_without_a_batch_is_swept_away(home: WorkerFixture, name: str) -> None:
    path = orphan(home, name)

    assert sweep(home) == 1
    assert not path.exists()
    kept = home.data / "orphans" / path.relative_to(home.data)
    assert kept.exists() == name.endswith(".zst")
    assert sweep(home) == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_young_object_may_still_become_a_batch(home: WorkerFixture, name: str) -> None:
    path = orphan(home, name, HOUR_MS - 60_000)

    assert sweep(home) == 0
    assert path.exists()


def test_objects_of_batches_stay_however_old_they_are(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a"), {**record("b"), "_event_at": "yesterday"})
    accepted = home.landing_file(batch_id)
    refused_path = home.batch(batch_id).rejected_path
    assert refused_path is not None
    for path in (accepted, home.data / refused_path):
        age(path, 1_000 * HOUR_MS)
    home.process_all()

    assert sweep(home) == 0
    assert accepted.exists()
    assert (home.data / refused_path).exists()


def test_many_orphans_among_many_batches_are_swept_in_one_go(home: WorkerFixture) -> None:
    ids = [home.accept(record(str(n))) for n in range(5)]
    for batch_id in ids:
        age(home.landing_file(batch_id), 2 * HOUR_MS)
    folder = home.landing_file(ids[0]).parent
    for number in range(2_500):
        path = folder / f"0198c0de-0000-7000-8000-{number:012}.ndjson.zst"
        path.touch()
        age(path, 2 * HOUR_MS)

    assert sweep(home) == 2_500
    assert {batch_id_of(path.name) for path in folder.iterdir()} == set(ids)


def test_the_archive_of_a_lost_database_is_left_alone(home: WorkerFixture) -> None:
    # The archive is the truth: a new or another database must not be what deletes it.
    batch_id = home.accept(record("a"))
    file = home.landing_file(batch_id)
    age(file, 1_000 * HOUR_MS)
    fresh = open_catalog(f"sqlite:///{home.data / 'fresh.db'}")
    fresh.upgrade()

    swept = garbage_collection.quarantine_orphans(fresh, home.store, HOUR_MS)

    fresh.close()
    assert swept == 0
    assert file.exists()


def test_what_an_older_copy_of_the_database_does_not_know_is_kept(home: WorkerFixture) -> None:
    batch_id = home.accept(record("a"))
    file = home.landing_file(batch_id)
    content = file.read_bytes()
    age(file, 2 * HOUR_MS)
    older = open_catalog(f"sqlite:///{home.data / 'older.db'}")
    older.upgrade()
    with older.transaction() as tx:
        workspaces.create(tx, name="restored", workspace_id=home.workspace_id)

    swept = garbage_collection.quarantine_orphans(older, home.store, HOUR_MS)

    older.close()
    assert swept == 1
    assert (home.data / "orphans" / file.relative_to(home.data)).read_bytes() == content


def test_answers_are_forgotten_after_two_days_and_not_before(home: WorkerFixture) -> None:
    now = int(time.time() * 1000)
    rows = [
        IdempotentResponse(
            key=str(hours),
            body_hash=b"h",
            response=b"r",
            batch_id="b",
            created_at=now - hours * HOUR_MS,
        )
        for hours in (1, 25, 47, 49, 100)
    ]
    with home.catalog.transaction() as tx:
        idempotency.store(tx, home.workspace_id, rows)

    assert garbage_collection.delete_expired_responses(home.catalog, 48) == 2
    with home.catalog.snapshot() as tx:
        left = [row.key for row in rows if idempotency.find(tx, home.workspace_id, row.key)]
    assert left == ["1", "25", "47"]


def test_nothing_outside_the_landing_archive_is_looked_at(home: WorkerFixture) -> None:
    home.accept(record("a"))
    home.process_all()
    files = [path for path in home.data.rglob("*") if path.is_file()]
    for path in files:
        age(path, 1_000 * HOUR_MS)

    assert sweep(home) == 0
    assert all(path.exists() for path in files)


def test_a_sweep_of_an_empty_archive_is_nothing(home: WorkerFixture) -> None:
    assert sweep(home) == 0


def test_upkeep_folds_small_fragments_of_the_workspaces_a_worker_writes(
    home: WorkerFixture,
) -> None:
    writers = home.writer_leases()
    for number in range(20):
        home.accept(record(str(number)))
        assert home.stage_runner(writer_leases=writers).run_once()
    table = Path(home.lake.engine.table_set(home.workspace_id).uri) / "records.lance" / "data"
    before = len(list(table.iterdir()))

    maintenance.maintain_tables(home.lake, writers)

    assert len(home.texts()) == 20
    assert len(list(table.iterdir())) > before  # the folded one beside those of older versions


def test_upkeep_leaves_workspaces_alone_that_others_write(home: WorkerFixture) -> None:
    home.accept(record("a"))
    home.process_all()

    maintenance.maintain_tables(home.lake, home.writer_leases("holds nothing"))


def test_upkeep_stops_where_another_worker_took_over(home: WorkerFixture) -> None:
    one = home.writer_leases("one")
    for number in range(20):
        home.accept(record(str(number)))
        assert home.stage_runner(writer_leases=one).run_once()
    one.release_all()
    home.writer_leases("other").acquire(home.workspace_id)
    table = Path(home.lake.engine.table_set(home.workspace_id).uri) / "records.lance"
    before = {path for path in table.rglob("*") if path.is_file()}

    maintenance.maintain_tables(home.lake, one)

    assert {path for path in table.rglob("*") if path.is_file()} == before


def test_an_object_without_a_batch_is_swept_out_of_a_bucket_as_well(
    tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    bucket = s3_server.new_bucket()
    home = WorkerFixture(tmp_path, store=open_store(f"s3://{bucket}/lake"))
    try:
        known = home.batch(home.accept(record("a"))).landing_path
        assert known is not None
        folder = known.rpartition("/")[0]
        for name in NAMES[:2]:
            s3_server.put(bucket, f"lake/{folder}/{name}", name.encode())
        # A sweep that was killed between its two steps has put this one there already.
        s3_server.put(bucket, f"lake/orphans/{folder}/{NAMES[0]}", NAMES[0].encode())

        assert garbage_collection.quarantine_orphans(home.catalog, home.store, HOUR_MS) == 0
        assert garbage_collection.quarantine_orphans(home.catalog, home.store, -HOUR_MS) == 2

        assert s3_server.keys(bucket) == [
            f"lake/{known}",
            *(f"lake/orphans/{folder}/{name}" for name in NAMES[:2]),
        ]
        assert s3_server.get(bucket, f"lake/orphans/{folder}/{NAMES[1]}") == NAMES[1].encode()
    finally:
        home.close()
