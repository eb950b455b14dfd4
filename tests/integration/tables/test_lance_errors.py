"""Contract test: Lance's real errors are classified by their messages.

Lance's errors have no code. When an upgrade of pylance rewords a message, a test here fails, and
`everlake.tables.errors` must be adapted.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import lance
import pyarrow as pa
import pytest

from everlake.tables.columns import INTEGER, TEXT, column, schema
from everlake.tables.errors import ErrorKind, LanceError, classify
from everlake.tables.lance_errors import lance_errors
from everlake.tables.snapshot import Snapshot, new_caches
from everlake.tables.types import TableLocation
from everlake.tables.working_snapshot import WorkingSnapshot

SCHEMA = schema([column("id", TEXT), column("version", INTEGER)])


def rows(*ids: str) -> pa.Table:
    return pa.table({"id": list(ids), "version": [1] * len(ids)}, schema=SCHEMA)


def create(path: Path) -> Snapshot:
    return Snapshot.create(TableLocation(str(path)), SCHEMA, new_caches())


def reopen(path: Path, version: int | None = None) -> Snapshot:
    return Snapshot.open(TableLocation(str(path)), SCHEMA, new_caches(), version)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A table of three rows."""
    path = tmp_path / "records.lance"
    snapshot = create(path)
    snapshot.commit(snapshot.prepare_append(rows("a", "b", "c")))
    return path


def kind_of(call: Callable[[], object]) -> ErrorKind:
    with pytest.raises(LanceError) as error:
        call()
    return error.value.kind


def test_two_commits_upon_one_version_conflict(path: Path) -> None:
    first, second = reopen(path), reopen(path)
    writes = [
        snapshot.prepare_merge(rows("a"), "id", "true", use_index=False)
        for snapshot in (first, second)
    ]
    first.commit(writes[0])
    assert kind_of(lambda: second.commit(writes[1])) is ErrorKind.CONFLICT


def test_a_commit_upon_a_table_that_was_overwritten_conflicts(path: Path) -> None:
    snapshot = reopen(path)
    write = snapshot.prepare_append(rows("d"))
    Snapshot.overwrite(TableLocation(str(path)), SCHEMA, new_caches())
    assert kind_of(lambda: snapshot.commit(write)) is ErrorKind.CONFLICT


def test_two_that_add_the_same_column_conflict(path: Path) -> None:
    first, second = (WorkingSnapshot.of(reopen(path)) for _ in range(2))
    fields = [column("more", TEXT)]
    first.add_columns(fields)
    assert kind_of(lambda: second.add_columns(fields)) is ErrorKind.CONFLICT


def test_a_table_that_exists_is_not_created(path: Path) -> None:
    assert kind_of(lambda: create(path)) is ErrorKind.EXISTS


def test_a_table_or_version_that_does_not_exist_is_missing(path: Path) -> None:
    assert kind_of(lambda: reopen(path.with_name("none.lance"))) is ErrorKind.MISSING
    assert kind_of(lambda: reopen(path, 9)) is ErrorKind.MISSING


def test_a_version_that_was_cleaned_up_is_missing(path: Path) -> None:
    held = reopen(path)
    held.commit(held.prepare_delete(["id"], [("a",)]))
    newest = WorkingSnapshot.of(reopen(path))
    newest.commit_compaction(newest.prepare_compaction([], 100, 100))
    newest.remove_old_versions(timedelta(0))
    assert kind_of(lambda: held.select(["id"])) is ErrorKind.MISSING


def test_a_deleted_data_file_is_missing(path: Path) -> None:
    for file in (path / "data").iterdir():
        file.unlink()
    assert kind_of(lambda: reopen(path).select(["id"])) is ErrorKind.MISSING


@pytest.mark.parametrize("left", [0, 10, -20])
def test_a_shortened_data_file_is_corrupt(path: Path, left: int) -> None:
    for file in (path / "data").iterdir():
        os.truncate(file, left % file.stat().st_size)
    assert kind_of(lambda: reopen(path).select(["id"])) is ErrorKind.CORRUPT


@pytest.mark.parametrize("count", [50, 200])
def test_an_overwritten_data_file_is_corrupt(path: Path, count: int) -> None:
    for file in (path / "data").iterdir():
        file.write_bytes(b"\xff" * count + file.read_bytes()[count:])
    assert kind_of(lambda: reopen(path).select(["id"])) is ErrorKind.CORRUPT


@pytest.mark.parametrize("left", [0, 10])
def test_a_shortened_manifest_is_corrupt(path: Path, left: int) -> None:
    for file in (path / "_versions").iterdir():
        os.truncate(file, left)
    assert kind_of(lambda: reopen(path)) is ErrorKind.CORRUPT


SCRIPT = """
import resource, signal, sys
from pathlib import Path
from everlake.tables.errors import LanceError
from everlake.tables.working_snapshot import WorkingSnapshot
from tests.integration.tables.test_lance_errors import reopen, rows

snapshot = reopen(Path(sys.argv[1]))
many = rows(*(f"{number:09}" for number in range(200_000)))
try:
    if sys.argv[2] == "disk":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, -1))
    snapshot = snapshot.commit(snapshot.prepare_append(many))
    WorkingSnapshot.of(snapshot).create_index("id", "BTREE")
except LanceError as error:
    print(error.kind.name)
"""


@pytest.mark.parametrize("lacking", ["disk", "memory"])
def test_a_full_disk_and_little_memory_are_lacking_resources(path: Path, lacking: str) -> None:
    environment = {**os.environ, "LANCE_MEM_POOL_SIZE": "100000"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, path, lacking],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "RESOURCES\n"


def test_the_cause_leaves_out_where_in_lance_it_was_raised(path: Path) -> None:
    with pytest.raises(LanceError) as error:
        create(path)
    assert str(error.value).count(".rs:") > 0
    assert error.value.cause == f"Dataset already exists: {path}"


def test_other_errors_are_none_of_these(path: Path) -> None:
    assert kind_of(lambda: reopen(path).select(["id"], "nothing = 1")) is ErrorKind.OTHER
    assert classify("") is ErrorKind.OTHER


def test_a_panic_in_lance_is_an_error_of_lance() -> None:
    class PanicException(BaseException):
        """Named like the exception that pyo3 raises."""

    with pytest.raises(LanceError, match="index out of bounds"), lance_errors():
        raise PanicException("index out of bounds")
    with pytest.raises(KeyboardInterrupt), lance_errors():
        raise KeyboardInterrupt


def test_the_private_parts_of_pylance_that_are_used_are_there(path: Path) -> None:
    dataset = lance.dataset(path)
    taken = dataset._take_rows([2, 0], ["id"])
    assert taken.column("id").to_pylist() == ["c", "a"]
    assert [file.name for file in sorted((path / "_versions").glob("*.manifest"))] == [
        f"{2**64 - 1 - version:020d}.manifest" for version in (2, 1)
    ]
