"""Two processes that write one table: the lease excludes one, and if it fails, the lock does."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import lance
import pytest

from everlake.lake import Lake, LakeUnavailable
from everlake.lake.record_rows import RECORDS_TABLE, records_to_arrow
from everlake.model.records import ArrivedRecord
from everlake.tables.errors import LanceError
from everlake.tables.local_backend import LocalTableBackend
from everlake.tables.snapshot import Snapshot
from tests.support.lake_rows import arrived_record
from tests.support.server import environment
from tests.support.worker_fixture import WorkerFixture

WORKSPACE = "ws"

MERGING = """
import sys
from pathlib import Path
from everlake.lake import Lake
from everlake.tables.local_backend import LocalTableBackend
from tests.support.lake_rows import arrived_record
print("merging", flush=True)
lake = Lake(LocalTableBackend(Path(sys.argv[1])))
lake.records.merge("ws", [arrived_record("new", 2), arrived_record("old", 3)])
"""


def versions(lake: Lake) -> list[tuple[str, int]]:
    page = lake.records.page(WORKSPACE, limit=100)
    return sorted((record.record_id, record.version) for record in page.records)


def row(name: str, sequence: int) -> tuple[str, int]:
    one: ArrivedRecord = arrived_record(name, sequence)
    return one.record_id, one.version


def test_a_worker_paused_during_a_merge_duplicates_no_record(
    home: WorkerFixture,
) -> None:
    lake = Lake(LocalTableBackend(home.data))
    lake.records.merge(WORKSPACE, [arrived_record("old", 1)])
    with lake.engine.table(WORKSPACE, RECORDS_TABLE).writing() as writer:
        merge = writer.snapshot.prepare_merge(
            records_to_arrow([arrived_record("new", 2)]),
            "record_id",
            "source.version > target.version",
            use_index=True,
        )
        # Here it stands still for so long that another process gets its lease.
        other = subprocess.Popen(
            [sys.executable, "-c", MERGING, str(home.data)],
            env=environment(home.data),
            stdout=subprocess.PIPE,
        )
        assert other.stdout is not None
        assert other.stdout.readline() == b"merging\n"
        time.sleep(0.5)
        writer.commit(merge)
    other.communicate(timeout=60)
    assert other.returncode == 0

    assert versions(lake) == sorted([row("new", 2), row("old", 3)])


def test_concurrent_writers_without_leases_duplicate_no_record(home: WorkerFixture) -> None:
    lakes = [Lake(LocalTableBackend(home.data)) for _ in range(4)]
    start = threading.Barrier(len(lakes))

    def write(number: int) -> None:
        start.wait()
        for turn in range(5):
            rows = [
                arrived_record(name, turn * 10 + number + 1, line)
                for line, name in enumerate("abc")
            ]
            lakes[number].records.merge(WORKSPACE, rows)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(len(lakes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [version >> 20 for _, version in versions(lakes[0])] == [44, 44, 44]


def test_retries_on_a_full_disk_add_no_arrivals(
    home: WorkerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(LocalTableBackend(home.data))
    lake.records.merge(WORKSPACE, [arrived_record("old", 1)])

    def no_room(*_: object, **__: object) -> None:
        raise LanceError("LanceError(IO): No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr(Snapshot, "prepare_merge", no_room)
        for _ in range(3):
            with pytest.raises(LakeUnavailable):
                lake.records.merge(WORKSPACE, [arrived_record("new", 2)])
    lake.records.merge(WORKSPACE, [arrived_record("new", 2)])

    assert (
        lance.dataset(Path(lake.engine.table_set(WORKSPACE).uri) / "arrivals.lance").count_rows()
        == 2
    )
