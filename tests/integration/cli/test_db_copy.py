"""``everlake db copy``: a machine moves to PostgreSQL and another storage, and loses nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from everlake.catalog import idempotency, jobs, table_copy
from everlake.catalog.idempotency import IdempotentResponse
from everlake.catalog.jobs import JobKind, NewJob
from everlake.catalog.opening import open_catalog
from everlake.lake import Lake
from everlake.runtime.data_locks import serve_lock
from everlake.runtime.liveness import LivenessLock
from everlake.tables.local_backend import LocalTableBackend
from tests.support.command_line import Cli, CommandResult, assert_success
from tests.support.postgres import PostgresServer
from tests.support.worker_fixture import WorkerFixture, record


@pytest.fixture
def home(tmp_path: Path) -> Iterator[WorkerFixture]:
    """A data directory with all that a catalog can hold, its lake up to date."""
    (tmp_path / "data").mkdir()
    made = WorkerFixture(tmp_path / "data")
    other = made.new_workspace("Ünïcode \N{GRINNING FACE}")
    for number in range(7):
        made.accept(record(f"a{number}", f"text {number}"), record("again", str(number)))
        made.accept(record(f"b{number}"), workspace_id=other)
    half = made.accept(record("right"), {**record("wrong"), "_event_at": "yesterday \x7f"})
    with made.catalog.transaction() as tx:
        remembered = IdempotentResponse(
            key="k", body_hash=bytes(range(32)), response=b'{"a":1}', batch_id=half, created_at=1
        )
        idempotency.store(tx, made.workspace_id, [remembered])
        kind = JobKind.EXTRACT_TEXT
        job = NewJob(kind=kind, subject="a", workspace_id=made.workspace_id, due_at=1)
        jobs.enqueue(tx, [job], now=1)
        jobs.claim(
            tx,
            kind,
            owner="worker/jobs",
            now=2,
            lease_ms=1,
            limit=1,
            workspace_id=made.workspace_id,
        )
    made.process_all()
    made.accept(record("late"))
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_server").new_database()
    return f"sqlite:///{tmp_path}/other/catalog.db"


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.new_database()


def storage(tmp_path: Path) -> Path:
    return tmp_path / "bucket"


def copy(cli: Cli, tmp_path: Path, url: str, *options: str) -> CommandResult:
    return cli(
        "db", "copy", "--to-database", url, "--to-storage", storage(tmp_path).as_uri(), *options
    )


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in (root / "landing").rglob("*")
        if path.is_file()
    }


def rows(url: str) -> dict[str, list[Any]]:
    catalog = open_catalog(url)
    with catalog.snapshot() as tx:
        found = {
            name: sorted(map(repr, tx.exec_driver_sql(f"SELECT * FROM {name}").fetchall()))  # noqa: S608
            for name in table_copy.TABLE_NAMES
        }
    catalog.close()
    return found


def records(root: Path, workspace_id: str) -> list[tuple[str, int, bytes | str]]:
    page = Lake(LocalTableBackend(root)).records.page(workspace_id, limit=1_000)
    return sorted((each.record_id, each.version, each.data) for each in page.records)


def test_rows_and_objects_are_the_same_on_the_other_side(
    cli: Cli, home: WorkerFixture, tmp_path: Path, target: str
) -> None:
    done = assert_success(copy(cli, tmp_path, target, "--json")).json()

    assert done["ok"]
    assert done["tables"]["batches"]["rows"] == 16
    assert done["tables"]["idempotency"]["rows"] == 1
    assert done["archive"]["objects"] == 17
    assert files(storage(tmp_path)) == files(home.data)
    assert rows(target) == rows(f"sqlite:///{home.data}/everlake.db")


def test_the_lake_made_again_there_has_the_same_records(
    cli: Cli, home: WorkerFixture, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.process_all()
    said = assert_success(copy(cli, tmp_path, url)).out
    assert "lake rebuild --all" in said
    assert "EVERLAKE_STORAGE_URL" in said
    monkeypatch.setenv("EVERLAKE_DATA", str(tmp_path / "node"))
    monkeypatch.setenv("EVERLAKE_DATABASE_URL", url)
    monkeypatch.setenv("EVERLAKE_STORAGE_URL", storage(tmp_path).as_uri())

    assert_success(cli("lake", "rebuild", "--all"))

    assert_success(cli("lake", "verify", "--all"))
    for line in assert_success(cli("workspaces", "list", "--json")).lines():
        workspace_id = line["id"] if "id" in line else line["workspace_id"]
        assert records(storage(tmp_path), workspace_id) == records(home.data, workspace_id)
        assert records(home.data, workspace_id)


def test_what_comes_after_the_move_has_higher_numbers(
    cli: Cli, home: WorkerFixture, tmp_path: Path, url: str
) -> None:
    assert_success(copy(cli, tmp_path, url))
    with psycopg.connect(url) as connection:
        cursor = connection.execute(
            "SELECT last_sequence, (SELECT max(sequence) FROM batches WHERE workspace_id = w.id)"
            " FROM workspaces w"
        )
        assert all(last == highest for last, highest in cursor)


def test_without_a_storage_the_catalog_alone_goes(
    cli: Cli, home: WorkerFixture, tmp_path: Path, target: str
) -> None:
    done = assert_success(cli("db", "copy", "--to-database", target, "--json")).json()

    assert done["archive"] is None
    assert rows(target) == rows(f"sqlite:///{home.data}/everlake.db")


def test_a_copy_that_was_stopped_goes_on(
    cli: Cli, home: WorkerFixture, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int) -> None:
        if done >= 4:
            raise Stopped

    monkeypatch.setattr(table_copy, "ROWS_PER_CHUNK", 2)
    there = open_catalog(target)
    there.upgrade()
    for name in table_copy.TABLE_NAMES[: table_copy.TABLE_NAMES.index("batches")]:
        table_copy.copy(home.catalog, there, name, lambda _: None)
    with pytest.raises(Stopped):
        table_copy.copy(home.catalog, there, "batches", stop)
    assert table_copy.count(there, "batches") == 4
    there.close()
    [path, *_] = files(home.data)
    begun = storage(tmp_path) / path
    begun.parent.mkdir(parents=True)
    begun.write_bytes((home.data / path).read_bytes())
    written = begun.stat().st_mtime_ns

    assert_success(copy(cli, tmp_path, target))
    assert_success(copy(cli, tmp_path, target))

    assert rows(target) == rows(f"sqlite:///{home.data}/everlake.db")
    assert files(storage(tmp_path)) == files(home.data)
    assert begun.stat().st_mtime_ns == written


def refused(result: CommandResult, *words: str) -> None:
    assert result.code == 1, result
    for word in words:
        assert word in result.err, result


def test_a_running_server_or_worker_is_not_copied_under_its_hands(
    cli: Cli, home: WorkerFixture, tmp_path: Path, url: str
) -> None:
    with serve_lock(home.data):
        refused(copy(cli, tmp_path, url), "serves", "stop it first")
    presence = LivenessLock(home.data)
    refused(copy(cli, tmp_path, url), "worker", "stop it first")
    presence.release()
    assert not storage(tmp_path).exists()
    assert_success(copy(cli, tmp_path, url))


def test_a_database_with_other_data_is_left_alone(
    cli: Cli, home: WorkerFixture, tmp_path: Path, target: str
) -> None:
    there = open_catalog(target)
    there.upgrade()
    with there.transaction() as tx:
        tx.exec_driver_sql("INSERT INTO workspaces VALUES ('ws_other', 'Other', 1, 0)")
    there.close()
    before = rows(target)

    refused(copy(cli, tmp_path, target), "workspaces")

    assert rows(target) == before
    assert not storage(tmp_path).exists()


def test_a_source_that_was_used_since_the_copy_is_not_mixed_into_it(
    cli: Cli, home: WorkerFixture, tmp_path: Path, target: str
) -> None:
    assert_success(copy(cli, tmp_path, target))
    home.process_all()

    refused(copy(cli, tmp_path, target), "source was used")


def test_a_storage_with_other_objects_is_left_alone(
    cli: Cli, home: WorkerFixture, tmp_path: Path, url: str
) -> None:
    other = storage(tmp_path) / "landing" / "workspace=x" / "y.ndjson.zst"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"theirs")

    refused(copy(cli, tmp_path, url), "workspace=x", "does not have")

    assert files(storage(tmp_path)) == {"landing/workspace=x/y.ndjson.zst": b"theirs"}
    assert rows(url)["batches"] == []


def test_what_was_damaged_on_the_way_is_found(
    cli: Cli, home: WorkerFixture, tmp_path: Path, url: str
) -> None:
    assert_success(copy(cli, tmp_path, url))
    [path, *_] = files(home.data)
    damaged = storage(tmp_path) / path
    whole = damaged.read_bytes()

    damaged.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    refused(copy(cli, tmp_path, url), path, "not the same")
    damaged.write_bytes(whole[:-1])
    assert_success(copy(cli, tmp_path, url))
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM batches WHERE id = (SELECT min(id) FROM batches)")
    refused(copy(cli, tmp_path, url), "batches differs", "16 rows here and 15 there")


def test_a_copy_onto_itself_is_refused(cli: Cli, home: WorkerFixture, url: str) -> None:
    here = f"sqlite:///{home.data}/everlake.db"
    refused(cli("db", "copy", "--to-database", here), "--to-database")
    there = home.data.as_uri()
    refused(cli("db", "copy", "--to-database", url, "--to-storage", there), "--to-storage")


def test_progress_goes_to_standard_error_and_not_into_the_json(
    cli: Cli, home: WorkerFixture, tmp_path: Path, url: str
) -> None:
    done = assert_success(copy(cli, tmp_path, url, "--json"))
    assert json.loads(done.out)["ok"]
    assert done.err == ""
    assert "copying batches" in assert_success(copy(cli, tmp_path, url)).err
