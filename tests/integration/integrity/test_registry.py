"""A derived table that only the registry knows: filled, verified, rebuilt and exported."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import lance
import msgspec
import pyarrow as pa
import pytest

from everlake.export.parquet import export_parquet
from everlake.integrity.verify import service, verify
from everlake.lake import Lake
from everlake.lake.derived_tables import DERIVED_TABLES
from everlake.lake.records import RecordRepository
from everlake.landing.accepted import LandedRecord
from everlake.model.batches import BatchRow
from everlake.tables import arrow
from everlake.tables.columns import IDENTITY_COLUMNS, SMALL_INTEGER, TEXT, column, schema
from everlake.tables.engine import TableEngine
from everlake.tables.registry import DerivedTable, Registry
from everlake.tables.spec import Source, TableSpec, WriteMode
from tests.support.bucket_worker import BucketWorkerFixture
from tests.support.rebuilds import (
    DuringRebuild,
    conversation,
    fill,
    no_progress,
    rebuild_workspace,
    table_rows,
)
from tests.support.s3 import S3Server, s3_environment
from tests.support.sql_queries import json_rows
from tests.support.worker_fixture import WorkerFixture, record


class Words(msgspec.Struct, frozen=True):
    """What a record contributes: the words of its ``data.text``, of which there may be none."""

    record_id: str
    version: int
    batch_id: str
    source: str
    words: Sequence[str]


def derive(landed: LandedRecord, batch: BatchRow) -> Words:
    text = msgspec.json.decode(landed.data).get("text", "")
    return Words(landed.record_id, landed.version, batch.id, batch.source, text.split())


def words_table(source: Source, version: int = 1) -> DerivedTable[Words]:
    """The table, derived from the archive or the analysis; later versions write upper case."""
    is_analysis = source is Source.ANALYSIS
    spec = TableSpec(
        name="words",
        schema=schema(
            [
                *IDENTITY_COLUMNS,
                column("ordinal", SMALL_INTEGER, required=True),
                column("batch_id", TEXT),
                column("source", TEXT),
                column("word", TEXT),
                *([column("analysis_version", SMALL_INTEGER)] if is_analysis else []),
            ]
        ),
        key=("record_id", "version", "ordinal"),
        mode=WriteMode.REPLACE,
        derived_from=(source,),
        scalar_indexes=("record_id",),
        analysis_version=version if is_analysis else None,
        unverified_columns=frozenset({"word"}),
    )

    def to_arrow(groups: Sequence[Words]) -> arrow.ArrowTable:
        rows = [(group, ordinal) for group in groups for ordinal in range(len(group.words))]
        columns = {
            "record_id": [group.record_id for group, _ in rows],
            "version": [group.version for group, _ in rows],
            "ordinal": [ordinal for _, ordinal in rows],
            "batch_id": [group.batch_id for group, _ in rows],
            "source": [group.source for group, _ in rows],
            "word": [
                group.words[ordinal] if version == 1 else group.words[ordinal].upper()
                for group, ordinal in rows
            ],
            "analysis_version": [version] * len(rows),
        }
        return arrow.from_columns(columns, spec.schema)

    def write(engine: TableEngine, workspace_id: str, groups: Sequence[Words]) -> None:
        with engine.table(workspace_id, spec).writing() as writer:
            ids = sorted({group.record_id for group in groups})
            current = RecordRepository(engine).current_versions(workspace_id, ids)
            fresh = [group for group in groups if current.get(group.record_id) == group.version]
            rows = to_arrow(fresh)
            if fresh:
                writer.delete(["record_id"], {(group.record_id,) for group in fresh})
            if rows.num_rows:
                writer.append(rows)

    return DerivedTable(
        spec=spec, derive=derive, to_arrow=to_arrow, size_of=lambda _: 0, write=write
    )


def use(home: WorkerFixture, table: DerivedTable[Words]) -> None:
    """Work on a lake that has the table too."""
    home.lake = Lake(home.lake._backend, Registry([*DERIVED_TABLES, table]))


@pytest.fixture(params=[Source.ARCHIVE, Source.ANALYSIS])
def source(request: pytest.FixtureRequest) -> Source:
    return request.param


@pytest.fixture
def home(tmp_path: Path, source: Source) -> Iterator[WorkerFixture]:
    made = WorkerFixture(tmp_path / "data")
    use(made, words_table(source))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_RECHECK_DELAY_SECONDS", 0.0)


def path_of(home: WorkerFixture) -> Path:
    return Path(home.lake.engine.table_set(home.workspace_id).uri) / "words.lance"


def rows_of(home: WorkerFixture) -> list[tuple[Any, ...]]:
    """Every row, in a fixed order."""
    spec = home.lake.registry["words"].spec
    names = spec.schema.names
    rows = home.lake.engine.table(home.workspace_id, spec).read(lambda now: now.select(names), [])
    return sorted(tuple(row[name] for name in names) for row in rows)


def words_of(home: WorkerFixture) -> list[str]:
    spec = home.lake.registry["words"].spec
    rows = home.lake.engine.table(home.workspace_id, spec).read(
        lambda now: now.select(["version", "ordinal", "word"]), []
    )
    return [row["word"] for row in sorted(rows, key=lambda row: (row["version"], row["ordinal"]))]


def problems_of(home: WorkerFixture, tmp_path: Path) -> list[tuple[str | None, str]]:
    directory = tmp_path / "temporary"
    directory.mkdir(exist_ok=True)
    found = verify(
        home.catalog,
        home.store,
        home.lake,
        home.workspace_id,
        report_progress=no_progress,
        temporary_directory=directory,
    )
    return [(problem.batch_id, problem.problem) for problem in found.problems]


def fill_words(home: WorkerFixture) -> str:
    """Batches of several kinds, some with words; the id of the last one, of the record victim."""
    fill(home)
    home.accept(record("a", "one two"), record("b", "three"))
    home.accept(conversation("silent", "without a text of its own"))
    home.accept(record("victim", "early words"))
    batch_id = home.accept(record("victim", "four five six"))
    home.process_all()
    return batch_id


def test_the_worker_fills_it(home: WorkerFixture, tmp_path: Path) -> None:
    fill_words(home)

    assert words_of(home)[-6:] == ["one", "two", "three", "four", "five", "six"]
    assert problems_of(home, tmp_path) == []


def test_it_is_filled_in_its_own_stage(home: WorkerFixture, source: Source) -> None:
    home.accept(record("a", "one"))
    home.process_all(home.landing_stage())

    assert words_of(home) == (["one"] if source is Source.ARCHIVE else [])


def test_a_rebuild_makes_the_same_rows(home: WorkerFixture) -> None:
    fill_words(home)
    rows, others = rows_of(home), table_rows(home.data, home.workspace_id)
    shutil.rmtree(home.data / "lake")

    rebuild_workspace(home)

    assert rows_of(home) == rows
    assert table_rows(home.data, home.workspace_id) == others


@pytest.mark.parametrize("moment", ["reading the archive", "writing", "catching up"])
def test_what_arrives_during_a_rebuild_is_in_it(
    home: WorkerFixture, tmp_path: Path, moment: str
) -> None:
    fill_words(home)

    def meanwhile() -> None:
        home.accept(record("later", "seven"), record("victim", "eight"))
        home.process_all()

    rebuild_workspace(home, watch=DuringRebuild(moment, meanwhile))

    assert words_of(home)[-2:] == ["seven", "eight"]
    assert problems_of(home, tmp_path) == []


def test_rows_of_a_lost_batch_are_salvaged(home: WorkerFixture) -> None:
    batch_id = fill_words(home)
    rows = rows_of(home)
    home.landing_file(batch_id).unlink()

    done = rebuild_workspace(home)

    assert rows_of(home) == rows
    assert [problem.batch_id for problem in done.problems] == [batch_id]
    assert done.kept is None


VICTIM = "word IN ('four', 'five', 'six')"


def lose_record(path: Path) -> None:
    lance.dataset(path).delete(VICTIM)


def lose_row(path: Path) -> None:
    lance.dataset(path).delete("word = 'four'")


def duplicate(path: Path) -> None:
    rows = lance.dataset(path).to_table(filter=VICTIM)
    lance.write_dataset(rows, path, mode="append")


def change_source(path: Path) -> None:
    lance.dataset(path).update({"source": "'other'"}, where=VICTIM)


def add_earlier_version(path: Path) -> None:
    rows = lance.dataset(path).to_table(filter=VICTIM)
    index = rows.schema.get_field_index("version")
    # The version before was the only record of the batch before.
    earlier = pa.array([version - (1 << 20) for version in rows.column("version").to_pylist()])
    lance.write_dataset(
        rows.set_column(index, rows.schema.field("version"), earlier), path, mode="append"
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lose_record, "the rows of 1 of its records are not in the table words"),
        (lose_row, "the rows of 1 of its records in the table words are incomplete or duplicated"),
        (duplicate, "the rows of 1 of its records in the table words are incomplete or duplicated"),
        (change_source, "the table words has 1 records of it that its landing object does not"),
        (
            add_earlier_version,
            "the table words has rows of an earlier version of 1 of its records",
        ),
    ],
)
def test_wrong_rows_are_found_and_a_rebuild_repairs_them(
    home: WorkerFixture, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    batch_id = fill_words(home)
    rows = rows_of(home)
    damage(path_of(home))

    found = problems_of(home, tmp_path)

    assert (batch_id, True) in [(about, text.startswith(message)) for about, text in found]
    assert all("words" in text for _, text in found)
    rebuild_workspace(home)
    assert rows_of(home) == rows
    assert problems_of(home, tmp_path) == []


def test_a_missing_table_is_one_problem(home: WorkerFixture, tmp_path: Path) -> None:
    fill_words(home)
    shutil.rmtree(path_of(home))

    assert problems_of(home, tmp_path) == [
        (None, "the table words is empty or missing, and should not be")
    ]


def test_export_and_sql_have_it(home: WorkerFixture, tmp_path: Path) -> None:
    fill_words(home)
    spec = home.lake.registry["words"].spec

    done = export_parquet(home.lake.engine.table(home.workspace_id, spec), tmp_path / "out")

    assert done.rows == len(rows_of(home))
    query = "SELECT count(*) AS n FROM words WHERE word = 'four'"
    assert json_rows(home.lake, query, home.workspace_id) == [{"n": 1}]


@pytest.mark.parametrize("source", [Source.ANALYSIS], indirect=True)
def test_rows_of_another_analysis_version_are_found(home: WorkerFixture, tmp_path: Path) -> None:
    batch_id = fill_words(home)
    lance.dataset(path_of(home)).update({"analysis_version": "7"}, where=VICTIM)

    [(about, message)] = problems_of(home, tmp_path)

    assert about == batch_id
    assert "another version of the analysis" in message


@pytest.mark.parametrize("source", [Source.ANALYSIS], indirect=True)
def test_a_rebuild_makes_all_rows_by_the_new_analysis(home: WorkerFixture, tmp_path: Path) -> None:
    lost = fill_words(home)
    home.landing_file(lost).unlink()
    use(home, words_table(Source.ANALYSIS, version=2))
    home.accept(record("waits", "seven"))
    home.process_all(home.landing_stage())

    rebuild_workspace(home)
    home.process_all()

    # Those of the lost batch too, from the records in the old tables.
    assert words_of(home)[-6:] == ["TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN"]
    assert {row[-1] for row in rows_of(home)} == {2}
    assert [about for about, _ in problems_of(home, tmp_path)] == [lost]


@pytest.mark.parametrize("source", [Source.ANALYSIS], indirect=True)
def test_a_rebuild_of_other_tables_is_not_resumed(home: WorkerFixture) -> None:
    fill_words(home)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild_workspace(home, watch=DuringRebuild("indexing", stop))
    use(home, words_table(Source.ANALYSIS, version=2))
    seen: list[str] = []

    rebuild_workspace(home, watch=lambda step, *_: seen.append(step))

    assert "reading the archive" in seen
    assert words_of(home)[-1] == "SIX"


def test_in_a_bucket_it_is_rebuilt_and_verified_too(
    tmp_path: Path, source: Source, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_environment(s3_server.url).items():
        monkeypatch.setenv(name, value)
    home = BucketWorkerFixture(tmp_path / "data", s3_server)
    try:
        use(home, words_table(source))
        fill_words(home)
        rows = rows_of(home)

        rebuild_workspace(home)

        assert rows_of(home) == rows
        assert problems_of(home, tmp_path) == []
    finally:
        home.close()
