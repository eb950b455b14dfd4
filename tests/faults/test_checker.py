"""The checker sees what it is there to see: in a real data directory, damaged on purpose."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pytest

from everlake.catalog.opening import open_catalog
from everlake.contract.record_identity import record_id
from everlake.landing.compression import compress, decompress
from tests.faults.batch_counts import sqlite_in
from tests.faults.checker import problems, promise_problems
from tests.faults.ledger import Ledger, SentRecord
from tests.support.postgres import PostgresServer
from tests.support.server import NO_RATE_LIMIT, ApiClient, run_everlake_json, running_server
from tests.support.worker_fixture import WorkerFixture


class Directory:
    """A data directory, and what its clients were promised.

    ``database`` is the catalog's URL, where it is not in the directory.
    """

    def __init__(
        self, data: Path, workspace_id: str, ledger: Ledger, database: str | None = None
    ) -> None:
        self.data = data
        self.workspace_id = workspace_id
        self.ledger = ledger
        self.database = database

    def problems(self, api: ApiClient | None = None) -> list[str]:
        of = (self.data, self.workspace_id, self.ledger)
        return problems(*of, api, catalog=self.database)

    def broken_promises(self) -> list[str]:
        of = (self.data, self.workspace_id, self.ledger)
        return promise_problems(*of, catalog=self.database)

    def table(self, name: str) -> Path:
        return self.data / "lake" / f"workspace={self.workspace_id}" / f"{name}.lance"

    def landing_files(self, *, refused: bool = False) -> list[Path]:
        files = (self.data / "landing").rglob("*.ndjson.zst")
        return sorted(file for file in files if (".rejected." in file.name) == refused)


def sent(name: str, word: str) -> SentRecord:
    return SentRecord(name, word, f'{{"text" :\n "{word} says é", "n":1.50}}')


BATCHES = [
    [sent("a", "wordaone"), sent("b", "wordbone")],
    [sent("a", "wordatwo")],
    [sent("c", "wordcone"), sent("c", "wordctwo"), sent("d", "worddone")],
]
REFUSED = [[], ['{"_type" : "fax"}', "17"], []]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    return made(tmp_path_factory.mktemp("original"))


@pytest.fixture(scope="module")
def original_of_many(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Directory:
    """One whose catalog is in PostgreSQL."""
    return made(tmp_path_factory.mktemp("original"), postgres_server.new_database())


def made(data: Path, database: str | None = None) -> Directory:
    home = WorkerFixture(data, product_id="prod-1", project_id="proj-1", database=database)
    ledger = Ledger()
    for records, refused in zip(BATCHES, REFUSED, strict=True):
        batch_id = home.accept_texts([*(record.text() for record in records), *refused])
        ledger.write(batch_id, records, refused, client=1)
    home.process_all()
    home.close()
    return Directory(data, home.workspace_id, ledger, database)


@pytest.fixture
def directory_of_many(
    original_of_many: Directory, postgres_server: PostgresServer, tmp_path: Path
) -> Directory:
    """A copy to be damaged, its database as well."""
    of = original_of_many
    shutil.copytree(of.data, tmp_path / "copy")
    database = postgres_server.new_database(like=of.database)
    return Directory(tmp_path / "copy", of.workspace_id, of.ledger, database)


@pytest.fixture
def directory(original: Directory, tmp_path: Path) -> Directory:
    """A copy to be damaged."""
    shutil.copytree(original.data, tmp_path / "copy")
    return Directory(tmp_path / "copy", original.workspace_id, original.ledger)


def id_of(name: str) -> str:
    return record_id("message", {"id": name, "from": "chaos"}, "2026-03-01T10:00:00Z")


def of(name: str) -> str:
    return f"record_id = '{id_of(name)}'"


def lose_a_record(directory: Directory) -> None:
    lance.dataset(directory.table("records")).delete(of("b"))


def lose_two_records_and_double_another(directory: Directory) -> None:
    # The count alone would not show it.
    table = lance.dataset(directory.table("records"))
    table.delete(of("b"))
    row = table.to_table(filter=of("a"))
    lance.write_dataset(row, directory.table("records"), mode="append")


def double_a_record(directory: Directory) -> None:
    table = lance.dataset(directory.table("records"))
    lance.write_dataset(table.to_table(filter=of("a")), directory.table("records"), mode="append")


def set_back_a_record(directory: Directory) -> None:
    """The earlier version in place of the last one, as a merge in the wrong order would leave."""
    table = lance.dataset(directory.table("records"))
    first = min(row["version"] for row in rows_of(directory, "arrivals", of("a")))
    batch = next(iter(directory.ledger.batches))
    data = directory.ledger.batches[batch][0].data
    table.update(
        {"version": str(first), "batch_id": f"'{batch}'", "data": f"'{data}'"}, where=of("a")
    )


def set_back_a_record_of_the_same_batch(directory: Directory) -> None:
    table = lance.dataset(directory.table("records"))
    first = min(row["version"] for row in rows_of(directory, "arrivals", of("c")))
    data = BATCHES[2][0].data
    table.update({"version": str(first), "data": f"'{data}'"}, where=of("c"))


def rows_of(directory: Directory, table: str, where: str) -> list[dict[str, Any]]:
    return lance.dataset(directory.table(table)).to_table(filter=where).to_pylist()


def change_one_byte(directory: Directory) -> None:
    data = BATCHES[0][1].data.replace("1.50", "1.5")
    lance.dataset(directory.table("records")).update({"data": f"'{data}'"}, where=of("b"))


def add_a_stranger(directory: Directory) -> None:
    table = lance.dataset(directory.table("records"))
    row = table.to_table(filter=of("b")).to_pylist()[0] | {"record_id": "0" * 32}
    lance.write_dataset(_table([row], table.schema), directory.table("records"), mode="append")


def _table(rows: list[dict[str, Any]], schema: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - it has no types, so it stays here

    return pa.Table.from_pylist(rows, schema=schema)


def forget_what_was_said(directory: Directory) -> None:
    lance.dataset(directory.table("utterances")).delete(of("d"))


def say_it_twice(directory: Directory) -> None:
    table = lance.dataset(directory.table("utterances"))
    lance.write_dataset(
        table.to_table(filter=of("d")), directory.table("utterances"), mode="append"
    )


def lose_a_file_of_the_lake(directory: Directory) -> None:
    for file in (directory.table("records") / "data").iterdir():
        file.unlink()


def forget_an_arrival(directory: Directory) -> None:
    lance.dataset(directory.table("arrivals")).delete(of("d"))


def execute(directory: Directory, statement: str) -> None:
    catalog = open_catalog(directory.database or sqlite_in(directory.data))
    with catalog.transaction() as tx:
        tx.exec_driver_sql(statement)
    catalog.close()


def lose_a_batch(directory: Directory) -> None:
    execute(directory, "DELETE FROM batches WHERE sequence = 2")


def stop_half_way(directory: Directory) -> None:
    execute(directory, "UPDATE batches SET status = 'PROCESSING' WHERE sequence = 2")


def add_a_batch(directory: Directory) -> None:
    directory.ledger = directory.ledger.of(list(directory.ledger.batches)[:2])


def give_up_a_batch(directory: Directory) -> None:
    execute(directory, "UPDATE batches SET status = 'FAILED' WHERE sequence = 2")


def miscount_a_batch(directory: Directory) -> None:
    execute(directory, "UPDATE batches SET accepted = 2 WHERE sequence = 3")


def swap_the_order_of_two_batches(directory: Directory) -> None:
    execute(directory, "UPDATE batches SET sequence = -sequence")  # each number is there once
    execute(
        directory,
        "UPDATE batches SET sequence = CASE -sequence WHEN 3 THEN 3 ELSE 3 + sequence END",
    )


def give_out_a_number_for_nothing(directory: Directory) -> None:
    execute(directory, "UPDATE workspaces SET last_sequence = 9")


def lose_a_landing_object(directory: Directory) -> None:
    directory.landing_files()[1].unlink()


def cut_a_landing_object(directory: Directory) -> None:
    file = directory.landing_files()[1]
    file.write_bytes(file.read_bytes()[:-4])


def change_one_byte_of_a_landing_object(directory: Directory) -> None:
    _rewrite(directory.landing_files()[0], b"1.50", b"1.51")


def lose_refused_records(directory: Directory) -> None:
    [file] = directory.landing_files(refused=True)
    file.unlink()


def change_one_byte_of_a_refused_record(directory: Directory) -> None:
    [file] = directory.landing_files(refused=True)
    _rewrite(file, b"17", b"18")


def _rewrite(file: Path, old: bytes, new: bytes) -> None:
    lines = decompress(file.read_bytes())
    assert old in lines
    file.write_bytes(compress(lines.replace(old, new)))


def mix_up_landing_objects(directory: Directory) -> None:
    one, other, *_ = directory.landing_files()
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


DAMAGES: dict[Callable[[Directory], None], set[str]] = {
    lose_a_record: {"lost record", "index", "search"},
    lose_two_records_and_double_another: {"lost record", "double", "search"},
    double_a_record: {"double"},
    set_back_a_record: {"stale", "data", "index", "search"},
    set_back_a_record_of_the_same_batch: {"stale", "data", "index", "search"},
    change_one_byte: {"data"},
    add_a_stranger: {"stranger"},
    forget_what_was_said: {"search"},
    say_it_twice: {"search"},
    lose_a_file_of_the_lake: {"unreadable"},
    forget_an_arrival: {"arrivals"},
    lose_a_batch: {"lost batch", "sequences"},
    stop_half_way: {"batch not complete"},
    give_up_a_batch: {"failed batch", "batch not complete"},
    miscount_a_batch: {"batch count"},
    swap_the_order_of_two_batches: {"order"},
    give_out_a_number_for_nothing: {"sequences"},
    add_a_batch: {"unknown batch"},
    lose_a_landing_object: {"landing object of"},
    cut_a_landing_object: {"landing object of"},
    change_one_byte_of_a_landing_object: {"landing object of"},
    mix_up_landing_objects: {"landing object of"},
    lose_refused_records: {"landing object of"},
    change_one_byte_of_a_refused_record: {"refused records of"},
}


def test_a_data_directory_as_it_should_be_has_no_problems(original: Directory) -> None:
    assert original.problems() == []


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_seen(directory: Directory, damage: Callable[[Directory], None]) -> None:
    damage(directory)

    found = directory.problems()

    assert DAMAGES[damage] <= {_kind(problem) for problem in found}, found


DAMAGES_OF_MANY = (
    *(lose_a_record, double_a_record, lose_two_records_and_double_another, set_back_a_record),
    *(change_one_byte, lose_a_batch, stop_half_way, give_up_a_batch, miscount_a_batch),
    *(swap_the_order_of_two_batches, give_out_a_number_for_nothing, lose_a_landing_object),
)


def test_one_on_postgresql_as_it_should_be_has_no_problems(original_of_many: Directory) -> None:
    assert original_of_many.problems() == []


@pytest.mark.parametrize("damage", DAMAGES_OF_MANY, ids=lambda damage: damage.__name__)
def test_damage_is_seen_on_postgresql(
    directory_of_many: Directory, damage: Callable[[Directory], None]
) -> None:
    damage(directory_of_many)

    found = directory_of_many.problems()

    assert DAMAGES[damage] <= {_kind(problem) for problem in found}, found


def test_broken_promises_are_seen_on_postgresql_while_nodes_run(
    directory_of_many: Directory,
) -> None:
    assert directory_of_many.broken_promises() == []

    lose_a_batch(directory_of_many)

    assert directory_of_many.broken_promises() != []


def _kind(problem: str) -> str:
    head = problem.partition(":")[0]
    return head.rpartition(" ")[0] if " of " in head else head


@pytest.mark.parametrize("damage", [lose_a_batch, give_up_a_batch, swap_the_order_of_two_batches])
def test_broken_promises_are_seen_while_the_server_runs(
    directory: Directory, damage: Callable[[Directory], None]
) -> None:
    assert directory.broken_promises() == []

    damage(directory)

    assert directory.broken_promises() != []


def test_what_the_api_answers_is_compared_as_well(directory: Directory) -> None:
    key = run_everlake_json(
        *("keys", "create", "--label", "checker", "--permissions", "api:read"), data=directory.data
    )
    with running_server("api", directory.data, NO_RATE_LIMIT) as server:
        api = ApiClient(server.url, key)
        assert directory.problems(api) == []
        set_back_a_record(directory)
        lose_a_record(directory)

        found = directory.problems(api)

    assert [one for one in found if "lost record" in one and "in the api" in one], found
    assert [one for one in found if one.startswith("data") and "in the api" in one], found


def test_two_requests_may_not_get_the_same_batch() -> None:
    ledger = Ledger()
    ledger.write("b", BATCHES[0])
    ledger.write("b", BATCHES[0])

    with pytest.raises(AssertionError, match="two requests"):
        ledger.write("b", BATCHES[1])
