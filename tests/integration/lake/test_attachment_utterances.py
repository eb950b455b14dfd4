"""Utterances of attachments, which are written apart from those of their records.

Tables of earlier releases lack columns; they are read and written as well, in a directory and in
a bucket.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import lance
import msgspec
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from everlake.export.parquet import export_parquet
from everlake.integrity.rebuild.salvage import salvage_batch
from everlake.lake import Lake, LakeUnavailable
from everlake.lake import utterance_rows as rows_module
from everlake.lake import utterances as utterances_module
from everlake.lake.arrivals import ARRIVALS
from everlake.lake.records import RECORDS
from everlake.lake.utterance_rows import UTTERANCES_TABLE, utterances_to_arrow
from everlake.lake.utterances import UTTERANCES
from everlake.lake.writer_leases import WriterLeases
from everlake.model.records import ArrivedRecord
from everlake.model.utterances import MAX_UTTERANCES, AttachmentUtterances
from everlake.search import SearchHit, search
from everlake.storage import object_store_options
from everlake.tables import maintenance
from everlake.tables.analysis_versions import FIRST_VERSION
from everlake.tables.bulk_loader import BulkLoader
from everlake.tables.local_backend import LocalTableBackend
from everlake.tables.registry import Registry
from everlake.tables.snapshot import Snapshot
from everlake.tables.working_snapshot import WorkingSnapshot
from tests.support.bucket_lake import BucketLake
from tests.support.lake_rows import (
    Utterance,
    analysed_record,
    arrived_record,
    attachment_utterances,
    batch_row,
    record_id,
)
from tests.support.sql_queries import json_rows

NEW = ["attachment_id", "attachment", "analysis_version"]
OLD = [name for name in UTTERANCES_TABLE.schema.names if name not in NEW]
SAME_ANALYSIS = msgspec.structs.replace(UTTERANCES_TABLE, analysis_version=FIRST_VERSION)
"""The table of a release whose analysis makes the same rows as that of the earlier release."""
OLD_SPEC = msgspec.structs.replace(
    UTTERANCES_TABLE,
    schema=pa.schema([UTTERANCES_TABLE.schema.field(name) for name in OLD]),
    derived_from=(),
    analysis_version=None,
)


@pytest.fixture(autouse=True)
def _same_analysis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utterances_module, "UTTERANCES_TABLE", SAME_ANALYSIS)
    monkeypatch.setattr(rows_module, "UTTERANCES_TABLE", SAME_ANALYSIS)


class Program:
    """A process of this release, or of one before there were attachments."""

    def __init__(self, lake: Lake, writers: WriterLeases | None) -> None:
        self.lake = lake
        self._writers = writers

    @contextmanager
    def writing(self) -> Generator[Lake]:
        """Take the writer lease from its holder, where there is one."""
        if self._writers is None:
            yield self.lake
            return
        self._writers.force_acquire("w")
        with self._writers.holding("w"):
            yield self.lake

    def write(self, row: ArrivedRecord, *texts: str, attached: Sequence[str] = ()) -> None:
        """Write the record, its utterances and those of its attachment."""
        with self.writing() as lake:
            lake.records.merge("w", [row])
            lake.utterances.write("w", [analysed_record(row, *texts)])
            if attached:
                lake.utterances.write_attachments("w", [said(row, *attached)])

    def raw(self) -> lance.LanceDataset:
        """The table as other tools see it."""
        table = self.lake.engine.table("w", SAME_ANALYSIS)
        table.latest()
        options = object_store_options() if self._writers else None
        return lance.dataset(table.uri, storage_options=options)


def same_analysis(lake: Lake) -> Lake:
    """The lake over the same tables, with that analysis."""
    analysed = msgspec.structs.replace(UTTERANCES, spec=SAME_ANALYSIS)
    return Lake(lake._backend, Registry([RECORDS, ARRIVALS, analysed]))


def said(row: ArrivedRecord, *texts: str, place: int = 1) -> AttachmentUtterances:
    words = [Utterance(text, "Ada", "external") for text in texts]
    return attachment_utterances(row, *words, position=place, name="Offer \ud800.pdf")


def rows(lake: Lake) -> list[tuple[str, int, int, str, str | None]]:
    """Rows of the table, in order."""
    now = lake.engine.table("w", SAME_ANALYSIS).latest()
    assert now is not None
    columns = ["record_id", "version", "ordinal", "text", "attachment_id"]
    found = now.select(columns)
    return sorted(tuple(row[name] for name in columns) for row in found)


def texts(lake: Lake) -> list[str]:
    """Texts, in the order of versions and ordinals."""
    return [row[3] for row in sorted(rows(lake), key=lambda row: row[1:3])]


def found(lake: Lake, words: str) -> SearchHit:
    (hit,) = search(lake, "w", words).hits
    return hit


@pytest.fixture(params=["disk", "bucket"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Program]:
    """Start a process over the same tables."""
    if request.param == "disk":
        return lambda: Program(Lake(LocalTableBackend(tmp_path)), None)
    bucket: BucketLake = request.getfixturevalue("bucket")

    def start() -> Program:
        process = bucket.process()
        return Program(process.lake, process.writers)

    return start


@pytest.fixture
def earlier(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[None]]:
    """For the length of a block, run as the release before there were attachments."""

    @contextmanager
    def block() -> Generator[None]:
        with monkeypatch.context() as patched:
            patched.setattr(utterances_module, "UTTERANCES_TABLE", OLD_SPEC)
            patched.setattr(
                utterances_module,
                "utterances_to_arrow",
                lambda groups: utterances_to_arrow(groups).select(OLD),
            )
            yield

    return block


@pytest.fixture
def old(
    program: Callable[[], Program], earlier: Callable[[], AbstractContextManager[None]]
) -> Program:
    """A process of the earlier release, which has created the tables."""
    started = program()
    with earlier():
        started.write(arrived_record("a", 1), "old words")
    assert started.raw().schema.names == OLD
    return started


def test_the_text_of_an_attachment_is_found_with_its_name(any_lake: Lake) -> None:
    row = arrived_record("a", 1)
    any_lake.records.merge("w", [row])
    any_lake.utterances.write("w", [analysed_record(row, "see attached")])
    written = any_lake.utterances.write_attachments(
        "w", [said(row, "the price is nine", "and no more")]
    )
    assert (written.records, written.utterances, written.stale) == (1, 2, 0)
    hit = found(any_lake, "price")
    assert (hit.attachment_id, hit.attachment) == ("att_1", "Offer ?.pdf")
    assert (hit.ordinal, found(any_lake, "more").ordinal) == (40_000, 40_001)
    assert (hit.record_id, hit.version, hit.speaker) == (row.record_id, row.version, "Ada")
    own = found(any_lake, "attached")
    assert (own.attachment_id, own.attachment, own.ordinal) == (None, None, 0)


def test_an_attachment_has_utterances_where_its_record_has_none(any_lake: Lake) -> None:
    row = arrived_record("a", 1)
    any_lake.records.merge("w", [row])
    any_lake.utterances.write("w", [analysed_record(row)])
    any_lake.utterances.write_attachments("w", [said(row, "price", place=0)])
    assert found(any_lake, "price").ordinal == 20_000


def test_utterances_of_an_attachment_may_be_written_before_those_of_its_record(
    any_lake: Lake,
) -> None:
    row = arrived_record("a", 1)
    any_lake.records.merge("w", [row])
    any_lake.utterances.write_attachments("w", [said(row, "price")])
    any_lake.utterances.write("w", [analysed_record(row, "see attached")])
    assert texts(any_lake) == ["see attached", "price"]


def test_a_record_analysed_again_keeps_utterances_of_its_attachments(any_lake: Lake) -> None:
    batch = [arrived_record(name, 1, line) for line, name in enumerate("abc")]
    any_lake.records.merge("w", batch)
    any_lake.utterances.write("w", [analysed_record(row, "one", "two") for row in batch])
    any_lake.utterances.write_attachments(
        "w", [said(row, "price", "discount") for row in batch[:2]]
    )
    before = rows(any_lake)
    any_lake.utterances.write("w", [analysed_record(row, "one", "two") for row in batch])
    assert rows(any_lake) == before
    any_lake.utterances.write("w", [analysed_record(batch[0], "three")])
    any_lake.utterances.write("w", [analysed_record(batch[1])])
    assert texts(any_lake) == [
        *("three", "price", "discount"),
        *("price", "discount"),
        *("one", "two"),
    ]


def test_a_new_version_drops_utterances_of_earlier_attachments(any_lake: Lake) -> None:
    old, new, other = arrived_record("a", 1), arrived_record("a", 3), arrived_record("b", 2)
    any_lake.records.merge("w", [old, other])
    any_lake.utterances.write(
        "w", [analysed_record(old, "old words"), analysed_record(other, "others")]
    )
    any_lake.utterances.write_attachments("w", [said(old, "old price"), said(other, "other price")])
    any_lake.records.merge("w", [new])
    any_lake.utterances.write("w", [analysed_record(new, "new words")])
    assert texts(any_lake) == ["others", "other price", "new words"]
    late = any_lake.utterances.write_attachments(
        "w", [said(old, "old price"), said(other, "other cost")]
    )
    assert (late.records, late.utterances, late.stale) == (1, 1, 1)
    assert texts(any_lake) == ["others", "other cost", "new words"]


def test_a_new_version_whose_attachments_come_first_drops_only_the_earlier_version(
    any_lake: Lake,
) -> None:
    old, new, other = arrived_record("a", 1), arrived_record("a", 3), arrived_record("b", 2)
    any_lake.records.merge("w", [old, other])
    any_lake.utterances.write(
        "w", [analysed_record(old, "old words"), analysed_record(other, "others")]
    )
    any_lake.utterances.write_attachments(
        "w", [said(old, "old price", place=2), said(other, "other price")]
    )
    any_lake.records.merge("w", [new])
    any_lake.utterances.write_attachments("w", [said(new, "new price")])
    any_lake.utterances.write(
        "w", [analysed_record(new, "new words"), analysed_record(other, "others")]
    )
    assert texts(any_lake) == ["others", "other price", "new words", "new price"]


def test_an_attachment_written_again_is_stored_once(any_lake: Lake) -> None:
    row = arrived_record("a", 1)
    any_lake.records.merge("w", [row])
    any_lake.utterances.write("w", [analysed_record(row, "see attached")])
    for words in (["price", "discount", "tax"], ["price"], ["price"]):
        any_lake.utterances.write_attachments("w", [said(row, *words)])
        assert texts(any_lake) == ["see attached", *words]
    any_lake.utterances.write_attachments("w", [said(row, "first"), said(row, "second")])
    assert texts(any_lake) == ["see attached", "second"]
    any_lake.utterances.write_attachments("w", [said(row)])
    assert texts(any_lake) == ["see attached"]


def test_attachments_of_a_record_are_replaced_independently(any_lake: Lake) -> None:
    row, other = arrived_record("a", 1, 0), arrived_record("b", 1, 1)
    any_lake.records.merge("w", [row, other])
    any_lake.utterances.write_attachments(
        "w", [said(row, "price", place=1), said(row, "offer", place=0)]
    )
    any_lake.utterances.write_attachments("w", [said(other, "tax", place=1)])
    any_lake.utterances.write_attachments("w", [said(row, "cost", place=1)])
    assert texts(any_lake) == ["offer", "cost", "tax"]
    assert (found(any_lake, "offer").ordinal, found(any_lake, "cost").ordinal) == (20_000, 40_000)


@pytest.mark.parametrize("again", ["record", "attachment"])
def test_a_writer_that_dies_between_its_commits_is_repaired_by_the_next(
    program: Callable[[], Program], monkeypatch: pytest.MonkeyPatch, again: str
) -> None:
    row = arrived_record("a", 1)
    first = program()
    first.write(row, "see attached", attached=["price"])
    before = rows(first.lake)

    def write(lake: Lake) -> None:
        if again == "record":
            lake.utterances.write("w", [analysed_record(row, "see attached")])
        else:
            lake.utterances.write_attachments("w", [said(row, "price")])

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Snapshot, "prepare_append", die)
        with pytest.raises(KeyboardInterrupt), first.writing() as lake:
            write(lake)
    other = "price" if again == "record" else "see attached"
    assert texts(program().lake) == [other]
    with program().writing() as lake:
        write(lake)
    assert rows(program().lake) == before


def test_a_record_or_an_attachment_has_at_most_20_000_utterances(lake: Lake) -> None:
    row = arrived_record("a", 1)
    lake.records.merge("w", [row])
    words = [Utterance("word")] * (MAX_UTTERANCES + 1)
    with pytest.raises(ValueError, match="at most 20,000"):
        lake.utterances.write("w", [analysed_record(row, *words)])
    with pytest.raises(ValueError, match="at most 20,000"):
        lake.utterances.write_attachments("w", [attachment_utterances(row, *words)])
    lake.utterances.write("w", [analysed_record(row, *words[1:])])
    lake.utterances.write_attachments(
        "w", [attachment_utterances(row, *words[1:], position=place) for place in range(2)]
    )
    assert [ordinal for _, _, ordinal, _, _ in rows(lake)] == list(range(3 * MAX_UTTERANCES))


def test_the_bulk_loader_writes_utterances_of_attachments(lake: Lake) -> None:
    row = arrived_record("a", 1)
    with BulkLoader(lake.engine, lake.registry, "w") as bulk:
        bulk.add("records", [row])
        bulk.add("utterances", [analysed_record(row, "see attached"), said(row, "price")])
        bulk.flush()
        list(bulk.build_indexes())
    assert found(lake, "price").attachment_id == "att_1"


def test_a_table_of_an_earlier_release_is_read_as_if_it_had_the_columns(
    old: Program, program: Callable[[], Program], tmp_path: Path
) -> None:
    before = old.raw().version
    reader = program().lake
    hit = found(reader, "words")
    assert (hit.text, hit.attachment_id, hit.attachment) == ("old words", None, None)
    query = (
        "SELECT attachment, count(*) AS n FROM utterances WHERE attachment_id IS NULL GROUP BY 1"
    )
    assert json_rows(reader, query) == [{"attachment": None, "n": 1}]
    assert json_rows(reader, "SELECT attachment FROM utterances") == [{"attachment": None}]
    assert json_rows(reader, "SELECT text FROM utterances WHERE attachment = 'x'") == []
    assert [row["column_name"] for row in json_rows(reader, "DESCRIBE utterances")] == [*OLD, *NEW]
    export_parquet(reader.engine.table("w", SAME_ANALYSIS), tmp_path / "out")
    (row,) = ds.dataset(tmp_path / "out", format="parquet").to_table().to_pylist()
    assert (row["text"], row["attachment_id"], row["attachment"]) == ("old words", None, None)
    assert old.raw().version == before


def test_the_next_writer_adds_the_columns_and_rewrites_nothing(
    old: Program, program: Callable[[], Program]
) -> None:
    before = {file.path for piece in old.raw().get_fragments() for file in piece.data_files()}
    new = program()
    new.write(arrived_record("b", 2), "see attached", attached=["price"])
    assert old.raw().schema.names == [*OLD, *NEW]
    files = {file.path for piece in old.raw().get_fragments() for file in piece.data_files()}
    assert before < files
    for reader in (new.lake, program().lake, old.lake):
        assert found(reader, "price").attachment_id == "att_1"
        assert found(reader, "old").attachment_id is None
    assert not program().lake.engine.has_unpublished_versions("w")
    version = old.raw().version
    with program().writing() as lake, lake.engine.table("w", SAME_ANALYSIS).writing():
        pass
    assert old.raw().version == version


def test_an_earlier_release_writes_beside_a_later_one(
    old: Program,
    program: Callable[[], Program],
    earlier: Callable[[], AbstractContextManager[None]],
) -> None:
    new = program()
    new.write(arrived_record("b", 2), attached=["price"])
    with earlier():
        old.write(arrived_record("c", 3), "third words")
    new.write(arrived_record("d", 4), attached=["discount"])
    with earlier():
        old.write(arrived_record("b", 5), "fifth words")
    lake = program().lake
    rows = json_rows(lake, "SELECT record_id, text, attachment_id FROM utterances ORDER BY text")
    assert [(row["record_id"], row["text"], row["attachment_id"]) for row in rows] == [
        (record_id("d"), "discount", "att_1"),
        (record_id("b"), "fifth words", None),
        (record_id("a"), "old words", None),
        (record_id("c"), "third words", None),
    ]


@pytest.mark.parametrize(
    "program", ["bucket"], indirect=True
)  # in a directory a lock keeps one out
def test_of_two_writers_that_add_the_columns_at_once_one_succeeds(
    old: Program, program: Callable[[], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = program(), program()
    add = WorkingSnapshot.add_columns

    def overtaken(self: WorkingSnapshot, fields: list[object]) -> None:
        monkeypatch.setattr(WorkingSnapshot, "add_columns", add)
        quick.write(arrived_record("b", 2), attached=["price"])
        add(self, fields)

    monkeypatch.setattr(WorkingSnapshot, "add_columns", overtaken)
    with pytest.raises(LakeUnavailable, match="another writer"):
        slow.write(arrived_record("c", 3), attached=["discount"])
    slow.write(arrived_record("c", 3), attached=["discount"])
    assert old.raw().schema.names == [*OLD, *NEW]
    assert found(program().lake, "price").record_id == record_id("b")
    assert found(program().lake, "discount").record_id == record_id("c")


def test_a_writer_that_dies_after_adding_the_columns_leaves_a_usable_table(
    old: Program, program: Callable[[], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    add = WorkingSnapshot.add_columns

    def die(self: WorkingSnapshot, fields: list[object]) -> None:
        add(self, fields)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(WorkingSnapshot, "add_columns", die)
        with pytest.raises(KeyboardInterrupt):
            program().write(arrived_record("b", 2), attached=["price"])
    assert found(program().lake, "old").attachment is None
    program().write(arrived_record("b", 2), attached=["price"])
    assert found(program().lake, "price").attachment == "Offer ?.pdf"
    assert old.raw().schema.names == [*OLD, *NEW]


def test_a_restored_version_without_the_columns_gets_them_again(
    old: Program, program: Callable[[], Program]
) -> None:
    before = old.raw().version
    new = program()
    new.write(arrived_record("b", 2), attached=["price"])
    with new.writing() as lake, lake.engine.table("w", SAME_ANALYSIS).writing() as writer:
        writer.restore(before)
    new.write(arrived_record("b", 3), attached=["discount"])
    assert found(new.lake, "discount").attachment_id == "att_1"
    assert found(new.lake, "old").attachment_id is None


def test_compaction_combines_rows_with_and_without_the_columns(
    old: Program, program: Callable[[], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "COMPACT_MIN_FRAGMENTS", 2)
    new = program()
    for number in range(3):
        new.write(arrived_record(f"b{number}", 2 + number), attached=[f"price{number}"])
    with new.writing() as lake:
        assert any(step.table == "utterances" for step in lake.engine.maintain("w"))
    assert found(new.lake, "price1").attachment_id == "att_1"
    assert found(new.lake, "old").attachment_id is None


def test_salvage_copies_attachments_and_rows_without_the_columns(
    old: Program, program: Callable[[], Program], tmp_path: Path
) -> None:
    target = same_analysis(Lake(LocalTableBackend(tmp_path / "target")))
    assert salvage_batch(same_analysis(program().lake), target, "w", batch_row(1)).readable
    program().write(arrived_record("b", 2), "see attached", attached=["price"])
    assert salvage_batch(same_analysis(program().lake), target, "w", batch_row(2)).readable
    assert found(target, "old").attachment is None
    assert (found(target, "price").attachment, found(target, "see").attachment) == (
        "Offer ?.pdf",
        None,
    )
