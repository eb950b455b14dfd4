"""What attachments say: kept behind the record's own words, found with the attachment's name.

Tables that an earlier program made do not have the columns for it. They go on, in a directory and
in a bucket.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import lance
import msgspec
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from everlake.lake import AnalysedRecord, AttachedText, Lake, LakeUnavailable, arrow, upkeep
from everlake.lake import lake as lake_module
from everlake.lake.bulk import Bulk
from everlake.lake.carry import carry
from everlake.lake.dataset import Snapshot
from everlake.lake.export import export_parquet
from everlake.lake.lake import UTTERANCES
from everlake.lake.local import LocalSite
from everlake.lake.rows import ArrivedRecord
from everlake.search import Hit, search
from everlake.storage import engine_options
from everlake.worker.leases import WriterLeases
from tests.integration.lake.asking import objects
from tests.integration.lake.bucket import BucketHome
from tests.integration.lake.home import Said, analysed, arrived, record_id

NEW = ["attachment_id", "attachment"]
OLD = [name for name in arrow.UTTERANCES.names if name not in NEW]
OLD_SPEC = msgspec.structs.replace(
    UTTERANCES, schema=pa.schema([arrow.UTTERANCES.field(name) for name in OLD])
)


class Program:
    """A process that may write the lake's tables, or one that did before there were attachments."""

    def __init__(self, lake: Lake, writers: WriterLeases | None) -> None:
        self.lake = lake
        self._writers = writers

    @contextmanager
    def writing(self) -> Generator[Lake]:
        """Take the right to write from whoever has it, where there is such a right."""
        if self._writers is None:
            yield self.lake
            return
        self._writers.seize("w")
        with self._writers.writing("w"):
            yield self.lake

    def write(self, row: ArrivedRecord, *texts: str, attached: Iterable[str] = ()) -> None:
        """Take in the record and what it and its attachment say."""
        with self.writing() as lake:
            lake.merge_records("w", [row])
            lake.write_utterances("w", [said(row, *texts, attached=attached)])

    def raw(self) -> lance.LanceDataset:
        """The table as other tools see it."""
        table = self.lake.table("w", UTTERANCES)
        table.latest()
        options = engine_options() if self._writers else None
        return lance.dataset(table.where, storage_options=options)


def said(row: ArrivedRecord, *texts: str, attached: Iterable[str] = ()) -> AnalysedRecord:
    one = AttachedText(
        attachment_id="att_1",
        name="Offer \ud800.pdf",
        utterances=[Said(text, "Ada", "external") for text in attached],
    )
    return msgspec.structs.replace(analysed(row, *texts), attached=[one])


def found(lake: Lake, words: str) -> Hit:
    (hit,) = search(lake, "w", words).hits
    return hit


@pytest.fixture(params=["disk", "bucket"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Program]:
    """Starts a process over the same tables."""
    if request.param == "disk":
        return lambda: Program(Lake(LocalSite(tmp_path)), None)
    bucket: BucketHome = request.getfixturevalue("bucket")

    def start() -> Program:
        process = bucket.process()
        return Program(process.lake, process.writers)

    return start


@pytest.fixture
def earlier(monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    """For the length of a block, the program is the one before there were attachments."""
    table_of = arrow.utterances_table

    @contextmanager
    def block() -> Generator[None]:
        with monkeypatch.context() as patched:
            patched.setattr(lake_module, "UTTERANCES", OLD_SPEC)
            patched.setattr(arrow, "utterances_table", lambda rows: table_of(rows).select(OLD))
            yield

    return block


@pytest.fixture
def old(program: Callable[[], Program], earlier: Callable[[], object]) -> Program:
    """The earlier program, which has made the tables."""
    started = program()
    with earlier():
        started.write(arrived("a", 1), "old words")
    assert started.raw().schema.names == OLD
    return started


def test_an_attachments_text_is_found_with_the_attachment_named(any_lake: Lake) -> None:
    row = arrived("a", 1)
    any_lake.merge_records("w", [row])
    one = said(row, "see attached", attached=["the price is nine", "and no more"])
    written = any_lake.write_utterances("w", [one])
    assert (written.records, written.utterances) == (1, 3)
    hit = found(any_lake, "price")
    assert (hit.attachment_id, hit.attachment, hit.ordinal) == ("att_1", "Offer ?.pdf", 1)
    assert (hit.record_id, hit.version, hit.speaker) == (row.record_id, row.version, "Ada")
    own = found(any_lake, "attached")
    assert (own.attachment_id, own.attachment, own.ordinal) == (None, None, 0)


def test_an_attachment_says_something_where_its_record_does_not(any_lake: Lake) -> None:
    row = arrived("a", 1)
    any_lake.merge_records("w", [row])
    any_lake.write_utterances("w", [said(row, attached=["price"])])
    assert found(any_lake, "price").ordinal == 0
    any_lake.write_utterances("w", [said(row)])
    assert search(any_lake, "w", "price").hits == []


def test_bulk_writes_what_attachments_say(lake: Lake) -> None:
    row = arrived("a", 1)
    with Bulk(lake, "w") as bulk:
        bulk.add_records([row])
        bulk.add_utterances([said(row, "see attached", attached=["price"])])
        bulk.flush()
        list(bulk.index())
    assert found(lake, "price").attachment_id == "att_1"


def test_an_earlier_programs_table_is_read_as_if_it_had_the_columns(
    old: Program, program: Callable[[], Program], tmp_path: Path
) -> None:
    before = old.raw().version
    reader = program().lake
    hit = found(reader, "words")
    assert (hit.text, hit.attachment_id, hit.attachment) == ("old words", None, None)
    query = (
        "SELECT attachment, count(*) AS n FROM utterances WHERE attachment_id IS NULL GROUP BY 1"
    )
    assert objects(reader, query) == [{"attachment": None, "n": 1}]
    assert objects(reader, "SELECT attachment FROM utterances") == [{"attachment": None}]
    assert objects(reader, "SELECT text FROM utterances WHERE attachment = 'x'") == []
    assert [row["column_name"] for row in objects(reader, "DESCRIBE utterances")] == [*OLD, *NEW]
    export_parquet(reader.table("w", UTTERANCES), tmp_path / "out")
    (row,) = ds.dataset(tmp_path / "out", format="parquet").to_table().to_pylist()
    assert (row["text"], row["attachment_id"], row["attachment"]) == ("old words", None, None)
    assert old.raw().version == before


def test_the_next_writer_adds_the_columns_and_rewrites_nothing(
    old: Program, program: Callable[[], Program]
) -> None:
    before = {file.path for piece in old.raw().get_fragments() for file in piece.data_files()}
    new = program()
    new.write(arrived("b", 2), "see attached", attached=["price"])
    assert old.raw().schema.names == [*OLD, *NEW]
    files = {file.path for piece in old.raw().get_fragments() for file in piece.data_files()}
    assert before < files
    for reader in (new.lake, program().lake, old.lake):
        assert found(reader, "price").attachment_id == "att_1"
        assert found(reader, "old").attachment_id is None
    assert not program().lake.is_unfinished("w")
    version = old.raw().version
    with program().writing() as lake, lake.table("w", UTTERANCES).writing():
        pass
    assert old.raw().version == version


def test_an_earlier_program_goes_on_beside_a_later_one(
    old: Program, program: Callable[[], Program], earlier: Callable[[], object]
) -> None:
    new = program()
    new.write(arrived("b", 2), attached=["price"])
    with earlier():
        old.write(arrived("c", 3), "third words")
    new.write(arrived("d", 4), attached=["discount"])
    with earlier():
        old.write(arrived("b", 5), "fifth words")
    lake = program().lake
    rows = objects(lake, "SELECT record_id, text, attachment_id FROM utterances ORDER BY text")
    assert [(row["record_id"], row["text"], row["attachment_id"]) for row in rows] == [
        (record_id("d"), "discount", "att_1"),
        (record_id("b"), "fifth words", None),
        (record_id("a"), "old words", None),
        (record_id("c"), "third words", None),
    ]


@pytest.mark.parametrize(
    "program", ["bucket"], indirect=True
)  # in a directory a lock keeps one out
def test_of_two_writers_that_add_the_columns_at_once_one_does(
    old: Program, program: Callable[[], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = program(), program()
    add = Snapshot.add_columns

    def overtaken(self: Snapshot, fields: list[object]) -> None:
        monkeypatch.setattr(Snapshot, "add_columns", add)
        quick.write(arrived("b", 2), attached=["price"])
        add(self, fields)

    monkeypatch.setattr(Snapshot, "add_columns", overtaken)
    with pytest.raises(LakeUnavailable, match="another writer"):
        slow.write(arrived("c", 3), attached=["discount"])
    slow.write(arrived("c", 3), attached=["discount"])
    assert old.raw().schema.names == [*OLD, *NEW]
    assert found(program().lake, "price").record_id == record_id("b")
    assert found(program().lake, "discount").record_id == record_id("c")


def test_a_writer_that_dies_after_adding_the_columns_leaves_a_table_that_goes_on(
    old: Program, program: Callable[[], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Snapshot.add_columns

    def die(self: Snapshot, fields: list[object]) -> None:
        add(self, fields)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Snapshot, "add_columns", die)
        with pytest.raises(KeyboardInterrupt):
            program().write(arrived("b", 2), attached=["price"])
    assert found(program().lake, "old").attachment is None
    program().write(arrived("b", 2), attached=["price"])
    assert found(program().lake, "price").attachment == "Offer ?.pdf"
    assert old.raw().schema.names == [*OLD, *NEW]


def test_a_version_from_before_the_columns_that_is_gone_back_to_gets_them_again(
    old: Program, program: Callable[[], Program]
) -> None:
    before = old.raw().version
    new = program()
    new.write(arrived("b", 2), attached=["price"])
    with new.writing() as lake, lake.table("w", UTTERANCES).writing() as writer:
        writer.go_back(before)
    new.write(arrived("b", 3), attached=["discount"])
    assert found(new.lake, "discount").attachment_id == "att_1"
    assert found(new.lake, "old").attachment_id is None


def test_upkeep_folds_rows_of_both_kinds(
    old: Program, program: Callable[[], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "FOLD_AT", 2)
    new = program()
    for number in range(3):
        new.write(arrived(f"b{number}", 2 + number), attached=[f"price{number}"])
    with new.writing() as lake:
        assert any(step.table == "utterances" for step in lake.upkeep("w"))
    assert found(new.lake, "price1").attachment_id == "att_1"
    assert found(new.lake, "old").attachment_id is None


def test_carrying_over_takes_what_attachments_say_and_rows_without_the_columns(
    old: Program, program: Callable[[], Program], tmp_path: Path
) -> None:
    target = Lake(LocalSite(tmp_path / "target"))
    assert carry(program().lake, target, "w", "batch-1").readable
    program().write(arrived("b", 2), "see attached", attached=["price"])
    assert carry(program().lake, target, "w", "batch-2").readable
    assert found(target, "old").attachment is None
    assert (found(target, "price").attachment, found(target, "see").attachment) == (
        "Offer ?.pdf",
        None,
    )
