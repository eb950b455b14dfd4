import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import lance
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from everlake.export import parquet
from everlake.export.atomic_directory import atomic_directory
from everlake.export.errors import ExportError
from everlake.export.parquet import ExportResult, export_parquet
from everlake.lake import Lake, LakeDamaged
from everlake.lake.arrivals import ARRIVALS_TABLE
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.lake.utterance_rows import UTTERANCES_TABLE
from everlake.tables.local_backend import LocalTableBackend
from everlake.tables.spec import TableSpec
from tests.support.lake_files import table_directory, workspace_directory
from tests.support.lake_rows import analysed_record, arrived_record, record_id

DATA = b'{"text" :  "caf\\u00e9 \xf0\x9f\xa6\xa2",\r\n "n": 1.50, "text": "twice"}'


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Records of two sources, two types and three days, one of which arrived twice."""
    rows = [
        arrived_record("a", 1, 0, source="api", event_at="2024-02-29T23:59:59Z", data=DATA),
        arrived_record("b", 1, 1, source="api", event_at="2024-03-01T00:00:00Z"),
        arrived_record(
            "c", 1, 2, source="zendesk", record_type="call", event_at="1970-01-01T00:00:00Z"
        ),
        arrived_record("d", 1, 3, source="api", event_at="2024-02-29T00:00:00Z", thread_id="t"),
    ]
    lake.records.merge("w", rows)
    lake.records.merge("w", [arrived_record("b", 2, event_at="2024-03-01T00:00:00Z", tags=["x"])])
    lake.utterances.write(
        "w", [analysed_record(rows[0], "hello", "again"), analysed_record(rows[2], "hi")]
    )
    return lake


def run(lake: Lake, to: Path, spec: TableSpec = RECORDS_TABLE) -> ExportResult:
    return export_parquet(lake.engine.table("w", spec), to)


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*.parquet"))


def in_lake(lake: Lake, name: str) -> pa.Table:
    return lance.dataset(workspace_directory(lake) / f"{name}.lance").to_table()


def exported(directory: Path) -> pa.Table:
    """All rows below the directory, with the values of partitions as texts."""
    hive = ds.partitioning(
        pa.schema([("source", pa.string()), ("type", pa.string()), ("date", pa.date32())]),
        flavor="hive",
    )
    return ds.dataset(directory, partitioning=hive).to_table()


def test_files_are_partitioned_by_source_type_and_utc_day(filled: Lake, tmp_path: Path) -> None:
    done = run(filled, tmp_path / "out")
    assert files(tmp_path / "out") == [
        "source=api/type=email/date=2024-02-29/part-0.parquet",
        "source=api/type=email/date=2024-03-01/part-0.parquet",
        "source=zendesk/type=call/date=1970-01-01/part-0.parquet",
    ]
    sizes = [path.stat().st_size for path in (tmp_path / "out").rglob("*.parquet")]
    assert done == ExportResult(rows=4, files=3, bytes=sum(sizes))


@pytest.mark.parametrize(
    ("name", "spec"), [("records", RECORDS_TABLE), ("utterances", UTTERANCES_TABLE)]
)
def test_every_row_and_column_is_exported_unchanged(
    filled: Lake, tmp_path: Path, name: str, spec: TableSpec
) -> None:
    run(filled, tmp_path / "out", spec)
    before, after = in_lake(filled, name), exported(tmp_path / "out")
    order = [("record_id", "ascending"), ("version", "ascending")]
    order += [("ordinal", "ascending")] if name == "utterances" else []
    names = before.schema.names
    assert set(after.schema.names) == {*names, "date"}
    assert (
        after.select(names).sort_by(order).cast(before.schema).to_pylist()
        == before.sort_by(order).to_pylist()
    )
    days = [moment.date() for moment in after.column("event_at").to_pylist()]
    assert after.column("date").to_pylist() == days


def test_data_is_byte_for_byte_what_was_sent(filled: Lake, tmp_path: Path) -> None:
    run(filled, tmp_path / "out")
    rows = {row["record_id"]: row["data"] for row in exported(tmp_path / "out").to_pylist()}
    assert rows[record_id("a")].encode() == DATA


def test_a_table_without_these_columns_is_not_partitioned(filled: Lake, tmp_path: Path) -> None:
    assert run(filled, tmp_path / "out", ARRIVALS_TABLE).rows == 5
    assert files(tmp_path / "out") == ["part-0.parquet"]
    assert pq.read_table(tmp_path / "out" / "part-0.parquet").num_rows == 5


def test_other_tools_read_partitions_as_columns(filled: Lake, tmp_path: Path) -> None:
    run(filled, tmp_path / "out")
    pattern = f"{tmp_path}/out/**/*.parquet"
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"FROM read_parquet('{pattern}', hive_partitioning = true)"
            "SELECT source, type, date::VARCHAR, count(*) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert rows == [
        ("api", "email", "2024-02-29", 2),
        ("api", "email", "2024-03-01", 1),
        ("zendesk", "call", "1970-01-01", 1),
    ]
    frame = pl.scan_parquet(pattern, hive_partitioning=True).filter(pl.col("type") == "call")
    assert frame.select("record_id").collect().to_series().to_list() == [record_id("c")]


def test_hostile_names_are_escaped_in_paths(lake: Lake, tmp_path: Path) -> None:
    names = ["../../up", "a/b", "a b=c%", "..", "é"]
    lake.records.merge("w", [arrived_record(n, 1, i, source=n) for i, n in enumerate(names)])
    before = set(tmp_path.iterdir())
    run(lake, tmp_path / "out")
    assert set(tmp_path.iterdir()) == before | {tmp_path / "out"}
    assert sorted(exported(tmp_path / "out").column("source").to_pylist()) == sorted(names)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_chunks_and_files_of_any_size_hold_the_same_rows(
    filled: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(parquet, "READ_ROWS", rows)
    monkeypatch.setattr(parquet, "READ_BYTES", len(DATA))
    monkeypatch.setattr(parquet, "MAX_FILE_BYTES", 1)
    run(filled, tmp_path / "out")
    ids = exported(tmp_path / "out").column("record_id").to_pylist()
    assert sorted(ids) == sorted(record_id(name) for name in "abcd")
    assert "source=api/type=email/date=2024-02-29/part-1.parquet" in files(tmp_path / "out")


def test_progress_is_reported_as_rows_are_written(filled: Lake, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    table = filled.engine.table("w", RECORDS_TABLE)
    export_parquet(table, tmp_path / "out", lambda done, total: told.append((done, total)))
    assert told[0] == (0, 4)
    assert told[-1] == (4, 4)
    assert told == sorted(told)


@pytest.mark.parametrize(
    "spec", [RECORDS_TABLE, ARRIVALS_TABLE, UTTERANCES_TABLE], ids=lambda spec: spec.name
)
def test_a_workspace_without_tables_gives_an_empty_directory(
    lake: Lake, tmp_path: Path, spec: TableSpec
) -> None:
    assert run(lake, tmp_path / "out", spec) == ExportResult(rows=0, files=0, bytes=0)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_empty_directory_is_filled_and_missing_ones_are_created(
    filled: Lake, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    run(filled, tmp_path / "empty")
    run(filled, tmp_path / "a" / "b" / "c")
    assert files(tmp_path / "empty") == files(tmp_path / "a" / "b" / "c")


def test_existing_files_are_not_touched(filled: Lake, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for name, said in (("full", "is not empty"), ("file", "is a file")):
        with pytest.raises(ExportError, match=said):
            run(filled, tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_table_leaves_nothing_behind(filled: Lake, tmp_path: Path) -> None:
    for file in (table_directory(filled, "records") / "data").iterdir():
        file.unlink()
    before = set(tmp_path.iterdir())
    with pytest.raises(LakeDamaged):
        run(Lake(LocalTableBackend(tmp_path)), tmp_path / "out")
    assert set(tmp_path.iterdir()) == before


def test_a_table_that_changes_during_the_export_is_copied_at_one_version(
    filled: Lake, tmp_path: Path
) -> None:
    others = Lake(LocalTableBackend(tmp_path))
    again = [True]

    def disturb(_done: int, _all: int) -> None:
        if again.pop() if again else False:
            others.records.merge("w", [arrived_record("a", 9), arrived_record("new", 9, 1)])
            with others.engine.table("w", RECORDS_TABLE).writing() as writer:
                writer.compact([], 1_000, 1_000)
                writer.remove_other_versions()

    done = export_parquet(filled.engine.table("w", RECORDS_TABLE), tmp_path / "out", disturb)
    ids = exported(tmp_path / "out").column("record_id").to_pylist()
    assert done.rows == len(ids) == len(set(ids)) == 5


def test_two_exports_to_the_same_directory_exclude_each_other(filled: Lake, tmp_path: Path) -> None:
    with atomic_directory(tmp_path / "out") as directory:
        (directory / "mine").write_text("mine")
        with pytest.raises(ExportError, match="Another export"):
            run(filled, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


SLOW = """
import sys, time
from pathlib import Path
from everlake.lake import Lake
from everlake.tables.local_backend import LocalTableBackend
from everlake.export.parquet import export_parquet
from everlake.lake.record_rows import RECORDS_TABLE

def watch(done, total):
    print(done, flush=True)
    if done >= 2:
        time.sleep(60)

table = Lake(LocalTableBackend(Path(sys.argv[1]))).engine.table("w", RECORDS_TABLE)
export_parquet(table, Path(sys.argv[2]), watch)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_export_leaves_no_target_and_the_next_one_cleans_up(
    filled: Lake, tmp_path: Path, number: signal.Signals
) -> None:
    to = tmp_path / "out"
    before = set(tmp_path.iterdir())
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, tmp_path, to],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline() not in {"2\n", "3\n"}:
            assert process.poll() is None
        process.send_signal(number)
    assert not to.exists()
    left = set(tmp_path.iterdir()) - before
    assert len(left) == (1 if number == signal.SIGKILL else 0)
    run(filled, to)
    assert set(tmp_path.iterdir()) == before | {to}
    assert len(files(to)) == 3


FULL = """
import os, resource, signal, sys
from pathlib import Path
from everlake.lake import Lake
from everlake.tables.local_backend import LocalTableBackend
from everlake.export.errors import ExportError
from everlake.export.parquet import export_parquet
from everlake.lake.record_rows import RECORDS_TABLE

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
table = Lake(LocalTableBackend(Path(sys.argv[1]))).engine.table("w", RECORDS_TABLE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, -1))
try: export_parquet(table, Path(sys.argv[2]))
except ExportError as error: print(error)
"""


def test_a_full_disk_is_reported_and_leaves_nothing(filled: Lake, tmp_path: Path) -> None:
    noise = os.urandom(100_000).hex().encode()
    filled.records.merge("w", [arrived_record("large", 3, data=b'"%s"' % noise)])
    before = set(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path, tmp_path / "out"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "out cannot be written" in done.stdout
    assert "Check the disk's space" in done.stdout
    assert done.stdout.count("\n") == 1
    assert set(tmp_path.iterdir()) == before


HUNGRY = """
import json, resource, sys
from pathlib import Path
from everlake.lake import Lake
from everlake.tables.local_backend import LocalTableBackend
from everlake.export.parquet import export_parquet
from everlake.lake.record_rows import RECORDS_TABLE

done = {}
for workspace in ("few", "many"):
    table = Lake(LocalTableBackend(Path(sys.argv[1]))).engine.table(workspace, RECORDS_TABLE)
    rows = export_parquet(table, Path(sys.argv[1]) / workspace).rows
    done[workspace] = [rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]
print(json.dumps(done))
"""


def test_many_rows_take_no_more_memory_than_few(lake: Lake, tmp_path: Path) -> None:
    noise = os.urandom(1_000_000)
    for workspace, batches in (("few", 1), ("many", 20)):
        for sequence in range(1, batches + 1):
            rows = [
                arrived_record(
                    f"{sequence}-{line}",
                    sequence,
                    line,
                    event_at=f"2024-01-{1 + line % 28:02d}T00:00:00Z",
                    data=b'"%s"' % noise[line * 7 : line * 7 + 10_000].hex().encode(),
                )
                for line in range(1_000)
            ]
            lake.records.merge(workspace, rows)
    run_ = subprocess.run(
        [sys.executable, "-c", HUNGRY, tmp_path], check=True, capture_output=True, text=True
    )
    done = json.loads(run_.stdout)
    assert (done["few"][0], done["many"][0]) == (1_000, 20_000)
    assert done["many"][1] - done["few"][1] < 150 * 1024 * 1024, "the rows are 400 MB"
