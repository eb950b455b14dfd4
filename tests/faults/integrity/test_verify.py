"""What is wrong between archive, catalog and tables is found; what is right is not suspected."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lance
import pyarrow as pa
import pytest

from everlake.analysis.utterances import extract_utterances
from everlake.integrity.verify import VerificationResult, service, verify
from everlake.integrity.verify.comparison import ComparisonDatabase
from everlake.landing.compression import compress, decompress
from everlake.model.utterances import MAX_UTTERANCES, AttachmentUtterances
from everlake.tables.snapshot import Snapshot
from tests.support.rebuilds import conversation, fill, no_progress, rebuild_workspace
from tests.support.worker_fixture import WorkerFixture, record


@pytest.fixture
def home(tmp_path: Path) -> Iterator[WorkerFixture]:
    made = WorkerFixture(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_RECHECK_DELAY_SECONDS", 0.0)


def verified(home: WorkerFixture, tmp_path: Path) -> VerificationResult:
    directory = tmp_path / "scratch"
    directory.mkdir(exist_ok=True)
    found = verify(
        home.catalog,
        home.store,
        home.lake,
        home.workspace_id,
        report_progress=no_progress,
        temporary_directory=directory,
    )
    assert list(directory.iterdir()) == []
    return found


def table(home: WorkerFixture, name: str) -> Path:
    return Path(home.lake.engine.table_set(home.workspace_id).uri) / f"{name}.lance"


def told(found: VerificationResult) -> list[tuple[str | None, str]]:
    return [(problem.batch_id, problem.problem) for problem in found.problems]


def test_a_lake_after_all_kinds_of_batches_is_right(home: WorkerFixture, tmp_path: Path) -> None:
    fill(home)
    home.accept(record("landed", "not analysed"))
    home.accept(conversation("c1", "again, not analysed"))
    home.process_all(home.landing_stage())
    home.accept(record("waits"))

    found = verified(home, tmp_path)

    assert found.problems == []
    assert found.orphans == []
    assert found.records == home.lake.records.count(home.workspace_id)
    assert found.batches == 21


def test_an_empty_workspace_is_right(home: WorkerFixture, tmp_path: Path) -> None:
    assert verified(home, tmp_path) == VerificationResult(
        workspace_id=home.workspace_id, batches=0, records=0, problems=[], orphans=[]
    )


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def lose_a_line(path: Path) -> None:
    lines = decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(compress(b"".join(lines[:-1])))


def change_a_letter(path: Path) -> None:
    path.write_bytes(compress(decompress(path.read_bytes()).replace(b"victim", b"vjctim")))


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a flipped byte": (flip, "frame cannot be read"),
    "cut off": (cut, "truncated or followed"),
    "lengthened": (lengthen, "truncated or followed"),
    "emptied": (lambda path: os.truncate(path, 0), "truncated or followed"),
    "missing": (Path.unlink, "there is no object"),
    "a line less": (lose_a_line, "bytes"),
    "a directory": (make_directory, "Is a directory"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_object_is_found_and_nothing_else_is_suspected(
    home: WorkerFixture, tmp_path: Path, damage: str
) -> None:
    fill(home)
    batch_id = home.accept(conversation("c3", "one"), conversation("victim", "two"))
    home.process_all()
    spoil, why = DAMAGES[damage]
    spoil(home.landing_file(batch_id))

    [problem] = verified(home, tmp_path).problems

    assert problem.batch_id == batch_id
    assert "landing object" in problem.problem
    assert why in problem.problem
    assert "backup" in problem.action


@pytest.mark.parametrize("damage", ["a flipped byte", "missing", "a line less"])
def test_a_damaged_object_of_refused_records_is_found(
    home: WorkerFixture, tmp_path: Path, damage: str
) -> None:
    fill(home)
    batch_id = home.accept(
        record("a"), {**record("b"), "_tags": 7}, {**record("c"), "_event_at": "now"}
    )
    home.process_all()
    path = home.batch(batch_id).rejected_path
    assert path is not None
    assert verified(home, tmp_path).problems == []
    DAMAGES[damage][0](home.data / path)

    [problem] = verified(home, tmp_path).problems

    assert problem.batch_id == batch_id
    assert "rejected records" in problem.problem


def test_an_object_with_other_content_of_the_same_size_is_found(
    home: WorkerFixture, tmp_path: Path
) -> None:
    fill(home)
    batch_id = home.accept(record("victim", "of the same length"))
    home.process_all()
    change_a_letter(home.landing_file(batch_id))

    problems = verified(home, tmp_path).problems

    assert {problem.batch_id for problem in problems} == {batch_id}
    assert any("landing object does not have" in problem.problem for problem in problems)
    assert all("is this batch's object" in p.action or "rebuild" in p.action for p in problems)


def test_objects_of_the_same_size_that_changed_places_are_found(
    home: WorkerFixture, tmp_path: Path
) -> None:
    fill(home)
    first, second = home.accept(record("a", "one")), home.accept(record("b", "two"))
    home.process_all()
    one, other = home.landing_file(first), home.landing_file(second)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)

    problems = verified(home, tmp_path).problems

    assert {problem.batch_id for problem in problems} == {first, second}


def plant(home: WorkerFixture) -> str:
    """A lake with one more batch, which its caller spoils the tables of; the batch's id."""
    fill(home)
    home.accept(conversation("victim", "early"))
    batch_id = home.accept(conversation("victim", "late"), conversation("neighbour", "near"))
    home.process_all()
    return batch_id


def row_of_victim(home: WorkerFixture) -> str:
    row = next(
        row
        for row in lance.dataset(table(home, "records")).to_table().to_pylist()
        if dict(row["vendor_ids"])["id"] == "victim"
    )
    return f"record_id = '{row['record_id']}'"


def test_a_record_that_the_table_has_lost_is_found(home: WorkerFixture, tmp_path: Path) -> None:
    batch_id = plant(home)
    lance.dataset(table(home, "records")).delete(row_of_victim(home))

    [(about, problem)] = told(verified(home, tmp_path))

    assert about == batch_id
    assert problem.startswith("1 of its records are not in the table records (one is ")


def test_a_record_that_is_there_twice_is_found(home: WorkerFixture, tmp_path: Path) -> None:
    batch_id = plant(home)
    dataset = lance.dataset(table(home, "records"))
    lance.write_dataset(
        dataset.to_table(filter=row_of_victim(home)), table(home, "records"), mode="append"
    )

    [(about, problem)] = told(verified(home, tmp_path))

    assert about == batch_id
    assert "more than once" in problem


def test_an_earlier_version_in_the_table_is_found(home: WorkerFixture, tmp_path: Path) -> None:
    fill(home)
    home.accept(conversation("victim", "early"))
    home.process_all()
    early = lance.dataset(table(home, "records")).to_table(filter=row_of_victim(home))
    batch_id = home.accept(conversation("victim", "late"))
    home.process_all()
    lance.dataset(table(home, "records")).delete(row_of_victim(home))
    lance.write_dataset(early, table(home, "records"), mode="append")

    problems = told(verified(home, tmp_path))

    assert (batch_id, True) in [(about, "earlier version" in text) for about, text in problems]
    assert {about for about, _ in problems} == {batch_id}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("data", "'{}'"),
        ("envelope", '\'{"_type":"email"}\''),
        ("source", "'other'"),
        ("event_at", "timestamp '2020-01-01T00:00:00'"),
        ("data_bytes", "1"),
        ("batch_id", "'0198c0de'"),
    ],
)
def test_a_changed_column_is_found(
    home: WorkerFixture, tmp_path: Path, column: str, value: str
) -> None:
    batch_id = plant(home)
    lance.dataset(table(home, "records")).update({column: value}, where=row_of_victim(home))

    [(about, problem)] = told(verified(home, tmp_path))

    assert about == batch_id
    assert "not in the table records as they are in the archive" in problem


def test_a_record_of_a_batch_that_the_catalog_does_not_know_is_found(
    home: WorkerFixture, tmp_path: Path
) -> None:
    plant(home)
    lance.dataset(table(home, "records")).update(
        {"version": "99 * 1048576"}, where=row_of_victim(home)
    )

    problems = verified(home, tmp_path).problems

    [unknown] = [problem for problem in problems if problem.batch_id is None]
    assert "a batch that the catalog does not have" in unknown.problem


def test_a_lost_arrival_is_found(home: WorkerFixture, tmp_path: Path) -> None:
    batch_id = plant(home)
    where = f"batch_id = '{batch_id}' AND {row_of_victim(home)}"
    lance.dataset(table(home, "arrivals")).delete(where)

    [(about, problem)] = told(verified(home, tmp_path))

    assert (about, "arrivals" in problem) == (batch_id, True)


def test_an_arrival_that_stands_there_twice_is_no_problem(
    home: WorkerFixture, tmp_path: Path
) -> None:
    plant(home)
    dataset = lance.dataset(table(home, "arrivals"))
    lance.write_dataset(dataset.to_table(limit=5), table(home, "arrivals"), mode="append")

    assert verified(home, tmp_path).problems == []


def lose_all_words(home: WorkerFixture) -> None:
    lance.dataset(table(home, "utterances")).delete(row_of_victim(home))


def lose_some_words(home: WorkerFixture) -> None:
    lance.dataset(table(home, "utterances")).delete(f"ordinal = 0 AND {row_of_victim(home)}")


def double_words(home: WorkerFixture) -> None:
    rows = lance.dataset(table(home, "utterances")).to_table(filter=row_of_victim(home))
    lance.write_dataset(rows, table(home, "utterances"), mode="append")


def take_words_from_another(home: WorkerFixture) -> None:
    lance.dataset(table(home, "utterances")).update(
        {"source": "'other'"}, where=row_of_victim(home)
    )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lose_all_words, "not in the table utterances"),
        (lose_some_words, "incomplete or duplicated"),
        (double_words, "incomplete or duplicated"),
        (take_words_from_another, "landing object does not have"),
    ],
)
def test_wrong_utterances_are_found(
    home: WorkerFixture, tmp_path: Path, spoil: Callable[[WorkerFixture], None], said: str
) -> None:
    batch_id = plant(home)
    spoil(home)

    problems = told(verified(home, tmp_path))

    assert (batch_id, True) in [(about, said in text) for about, text in problems]
    assert {about for about, _ in problems} == {batch_id}


def attach_words(home: WorkerFixture, first: int = MAX_UTTERANCES) -> None:
    """What an attachment of the victim says: the victim's words once more."""
    rows = lance.dataset(table(home, "utterances")).to_table(filter=row_of_victim(home))
    for column, value in (("attachment_id", "att_1"), ("attachment", "offer.pdf")):
        index = rows.schema.get_field_index(column)
        rows = rows.set_column(index, rows.schema.field(column), pa.array([value] * rows.num_rows))
    ordinal = rows.schema.get_field_index("ordinal")
    numbers = pa.array(range(first, first + rows.num_rows), pa.int32())
    rows = rows.set_column(ordinal, rows.schema.field("ordinal"), numbers)
    lance.write_dataset(rows, table(home, "utterances"), mode="append")


def test_what_attachments_say_is_no_problem(home: WorkerFixture, tmp_path: Path) -> None:
    plant(home)
    attach_words(home)

    assert verified(home, tmp_path).problems == []


def test_an_attachment_that_speaks_where_its_record_does_not_is_no_problem(
    home: WorkerFixture, tmp_path: Path
) -> None:
    home.accept(conversation("silent", "x") | {"data": {}})
    home.process_all()
    row = home.lake.records.page(home.workspace_id, limit=1).records[0]
    one = AttachmentUtterances(
        record_id=row.record_id,
        version=row.version,
        batch_id=row.batch_id,
        source=row.source,
        record_type=row.record_type,
        event_at=row.event_at,
        product_id=row.product_id,
        project_ids=row.project_ids,
        utterances=extract_utterances("email", b'{"text":"the price is nine"}'),
        attachment_id="att_1",
        name="offer.pdf",
        position=1,
    )
    assert home.lake.utterances.write_attachments(home.workspace_id, [one]).utterances == 1

    assert verified(home, tmp_path).problems == []


def test_own_words_that_are_gone_are_found_where_an_attachments_are_there(
    home: WorkerFixture, tmp_path: Path
) -> None:
    batch_id = plant(home)
    attach_words(home)
    lance.dataset(table(home, "utterances")).delete(
        f"attachment_id IS NULL AND {row_of_victim(home)}"
    )

    problems = told(verified(home, tmp_path))

    assert (batch_id, True) in [
        (about, "not in the table utterances" in text) for about, text in problems
    ]


@pytest.mark.parametrize("first", [1, MAX_UTTERANCES + 1])
def test_an_attachments_words_that_are_not_where_they_belong_are_found(
    home: WorkerFixture, tmp_path: Path, first: int
) -> None:
    batch_id = plant(home)
    attach_words(home, first)

    [(about, problem)] = told(verified(home, tmp_path))

    assert about == batch_id
    assert "incomplete or duplicated" in problem


def test_an_attachments_words_that_are_there_twice_are_found(
    home: WorkerFixture, tmp_path: Path
) -> None:
    batch_id = plant(home)
    attach_words(home)
    attach_words(home)

    [(about, problem)] = told(verified(home, tmp_path))

    assert about == batch_id
    assert "incomplete or duplicated" in problem


def test_a_table_from_before_attachments_is_right(home: WorkerFixture, tmp_path: Path) -> None:
    plant(home)
    lance.dataset(table(home, "utterances")).drop_columns(["attachment_id", "attachment"])

    assert verified(home, tmp_path).problems == []


def test_utterances_of_an_earlier_version_are_found_once_the_later_is_analysed(
    home: WorkerFixture, tmp_path: Path
) -> None:
    fill(home)
    home.accept(conversation("victim", "early"))
    home.process_all()
    early = lance.dataset(table(home, "utterances")).to_table(filter=row_of_victim(home))
    batch_id = home.accept(conversation("victim", "late"))
    home.process_all(home.landing_stage())
    assert verified(home, tmp_path).problems == []
    home.process_all()
    lance.write_dataset(early, table(home, "utterances"), mode="append")

    [(about, problem)] = told(verified(home, tmp_path))

    assert about == batch_id
    assert "rows of an earlier version" in problem


@pytest.mark.parametrize("name", ["records", "arrivals", "utterances"])
def test_a_table_that_is_not_there_is_one_problem(
    home: WorkerFixture, tmp_path: Path, name: str
) -> None:
    fill(home)
    shutil.rmtree(table(home, name))

    [problem] = verified(home, tmp_path).problems

    assert f"The lake table {name!r}" in problem.problem
    assert "everlake lake rebuild" in problem.action
    rebuild_workspace(home)
    assert verified(home, tmp_path).problems == []


@pytest.mark.parametrize("name", ["records", "arrivals", "utterances"])
def test_a_table_without_rows_is_one_problem(
    home: WorkerFixture, tmp_path: Path, name: str
) -> None:
    fill(home)
    lance.dataset(table(home, name)).delete("true")

    problems = verified(home, tmp_path).problems

    [problem] = [one for one in problems if one.problem.startswith(f"the table {name} is empty")]
    assert "everlake lake rebuild" in problem.action
    rebuild_workspace(home)
    assert verified(home, tmp_path).problems == []


def test_a_lake_that_is_not_there_is_told_by_table(home: WorkerFixture, tmp_path: Path) -> None:
    fill(home)
    shutil.rmtree(home.data / "lake")

    problems = verified(home, tmp_path).problems
    assert [problem.problem.split()[3] for problem in problems] == [
        "'records'",
        "'arrivals'",
        "'utterances'",
    ]


@pytest.mark.parametrize("name", ["records", "arrivals", "utterances"])
def test_a_torn_table_is_one_problem(home: WorkerFixture, tmp_path: Path, name: str) -> None:
    fill(home)
    shutil.rmtree(table(home, name) / "_versions")

    [problem] = verified(home, tmp_path).problems

    assert f"The lake table {name!r}" in problem.problem


def test_batches_that_the_catalog_has_lost_are_found(home: WorkerFixture, tmp_path: Path) -> None:
    fill(home)
    with home.catalog.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM batches WHERE sequence IN (3, 4, 7, 18)")

    problems = [problem.problem for problem in verified(home, tmp_path).problems]

    assert any("numbers 3 to 4" in problem for problem in problems)
    assert any("number 7," in problem for problem in problems)
    assert any("number 18," in problem for problem in problems)


def test_objects_without_a_batch_are_told_and_no_problem(
    home: WorkerFixture, tmp_path: Path
) -> None:
    fill(home)
    old = home.landing_file(home.accept(record("a"))).with_name("0198c0de-0.ndjson.zst")
    young = old.with_name("0198c0de-1.ndjson.zst")
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 3_600, time.time() - 3_600))

    found = verified(home, tmp_path)

    assert found.problems == []
    assert found.orphans == [old.relative_to(home.data).as_posix()]


def test_a_problem_that_goes_away_while_it_is_looked_at_again_is_none(
    home: WorkerFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home)
    victim = home.landing_file(home.accept(record("a")))
    home.process_all()
    content = victim.read_bytes()
    victim.unlink()
    lose = lance.dataset(table(home, "arrivals"))
    lose.delete("version < 5000000")

    def mended(_: float) -> None:
        victim.write_bytes(content)
        lose.checkout_version(lose.version - 1).restore()

    monkeypatch.setattr(service.time, "sleep", mended)

    assert verified(home, tmp_path).problems == []


def test_another_workspaces_data_is_not_looked_at(home: WorkerFixture, tmp_path: Path) -> None:
    other = home.new_workspace("other")
    home.accept(record("a"), workspace_id=other)
    home.process_all()
    shutil.rmtree(Path(home.lake.engine.table_set(other).uri))
    fill(home)

    assert verified(home, tmp_path).problems == []


def test_nothing_is_changed(home: WorkerFixture, tmp_path: Path) -> None:
    fill(home)
    home.accept(record("waits"))
    before = {path: path.stat().st_mtime_ns for path in home.data.rglob("*") if path.is_file()}

    verified(home, tmp_path)

    after = {path: path.stat().st_mtime_ns for path in home.data.rglob("*") if path.is_file()}
    assert {path: time for path, time in after.items() if "everlake.db" not in path.name} == {
        path: time for path, time in before.items() if "everlake.db" not in path.name
    }


def test_what_moves_between_two_readings_is_not_suspected(
    home: WorkerFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home)
    read = ComparisonDatabase.replace_table
    turns: list[str] = []

    def moving(
        self: ComparisonDatabase, compared: object, table: object, only: object = None
    ) -> int:
        turn = len(turns)
        turns.append("read")
        home.accept(conversation("c1", f"moved {turn}"), conversation(f"new {turn}", "moved"))
        if turn % 3 == 0:
            home.accept(conversation("c2", "", data={"n": turn}))
        home.process_all(*([home.landing_stage()] if turn % 2 else []))
        return read(self, compared, table, only)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(ComparisonDatabase, "replace_table", moving)

    assert verified(home, tmp_path).problems == []


def test_a_rebuild_that_swaps_while_a_table_is_read_does_no_harm(
    home: WorkerFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home)
    stream = Snapshot.stream
    swapped: list[bool] = []

    def swapping(self: Snapshot, *arguments: object, **options: object) -> object:
        for number, batch in enumerate(stream(self, *arguments, **options)):  # pyright: ignore[reportArgumentType]
            if number == 0 and not swapped:
                swapped.append(True)
                monkeypatch.setattr(Snapshot, "stream", stream)
                rebuild_workspace(home)
            yield batch

    monkeypatch.setattr(Snapshot, "stream", swapping)

    assert verified(home, tmp_path).problems == []
    assert swapped == [True]


def test_beside_a_worker_nothing_is_suspected(home: WorkerFixture, tmp_path: Path) -> None:
    fill(home)
    stop = threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            turn = 0
            while not stop.is_set():
                turn += 1
                home.accept(conversation(f"c{turn % 12}", f"turn {turn}"), conversation("x", "y"))
                home.process_all()
        except BaseException as error:  # noqa: BLE001 - looked at below
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        found = [verified(home, tmp_path).problems for _ in range(6)]
    finally:
        stop.set()
        thread.join()
    assert errors == []
    assert found == [[]] * 6


def test_many_wrong_records_are_told_by_batch_up_to_a_limit(
    home: WorkerFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from everlake.integrity.verify import report  # noqa: PLC0415

    monkeypatch.setattr(report, "MAX_REPORTED_BATCHES", 3)
    monkeypatch.setattr(service, "MAX_SUSPECTS", 2)
    for number in range(6):
        home.accept(record(str(number)))
    home.process_all()
    lance.dataset(table(home, "arrivals")).delete("version > 2000000")

    problems = verified(home, tmp_path).problems

    assert len(problems) == 4
    assert "2 more problems" in problems[-1].problem
