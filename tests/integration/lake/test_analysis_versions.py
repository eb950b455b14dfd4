"""A table holds rows of one version of the analysis; a swap of the set moves to another."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

import msgspec
import pytest

from everlake.analysis import ANALYSIS_VERSION
from everlake.lake import Lake, LakeUnavailable
from everlake.lake import utterance_rows as rows_module
from everlake.lake import utterances as utterances_module
from everlake.lake.arrivals import ARRIVALS
from everlake.lake.records import RECORDS
from everlake.lake.utterance_rows import UTTERANCES_TABLE
from everlake.lake.utterances import UTTERANCES
from everlake.model.records import ArrivedRecord
from everlake.search import search
from everlake.tables.columns import schema
from everlake.tables.registry import Registry
from tests.support.lake_rows import analysed_record, arrived_record, attachment_utterances

Release = Callable[[int], AbstractContextManager[Lake]]


@pytest.fixture
def release(any_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Release:
    """Open the same lake as a release whose analysis has this version."""

    @contextmanager
    def opened(version: int) -> Generator[Lake]:
        spec = msgspec.structs.replace(UTTERANCES_TABLE, analysis_version=version)
        with monkeypatch.context() as patched:
            for module in (rows_module, utterances_module):
                patched.setattr(module, "UTTERANCES_TABLE", spec)
            analysed = msgspec.structs.replace(UTTERANCES, spec=spec)
            yield Lake(any_lake._backend, Registry([RECORDS, ARRIVALS, analysed]))

    return opened


def write(lake: Lake, row: ArrivedRecord, text: str) -> None:
    lake.records.merge("w", [row])
    lake.utterances.write("w", [analysed_record(row, text)])


def versions(lake: Lake) -> list[tuple[str, int | None]]:
    """Each text, with the version of the analysis that made it."""
    rows = lake.engine.table("w", lake.registry["utterances"].spec).read(
        lambda now: now.select(["text", "analysis_version"]), []
    )
    return sorted((row["text"], row["analysis_version"]) for row in rows)


def test_rows_of_records_and_of_attachments_name_the_version_that_made_them(any_lake: Lake) -> None:
    row = arrived_record("a", 1)
    write(any_lake, row, "see attached")
    any_lake.utterances.write_attachments("w", [attachment_utterances(row, "the price")])
    assert versions(any_lake) == [
        ("see attached", ANALYSIS_VERSION),
        ("the price", ANALYSIS_VERSION),
    ]


@pytest.mark.parametrize(("stored", "writing"), [(1, 2), (2, 1)])
def test_rows_of_another_version_are_refused_before_anything_changes(
    release: Release, stored: int, writing: int
) -> None:
    row = arrived_record("a", 1)
    with release(stored) as lake:
        write(lake, row, "old words")
        lake.utterances.write_attachments("w", [attachment_utterances(row, "the price")])
    advice = "lake rebuild" if writing > stored else "Upgrade this program"
    refused = f"analysis version {stored}.*version {writing}.*{advice}"
    with release(writing) as lake:
        with pytest.raises(LakeUnavailable, match=refused):
            lake.utterances.write("w", [analysed_record(row, "new words")])
        with pytest.raises(LakeUnavailable, match=refused):
            lake.utterances.write("w", [analysed_record(arrived_record("silent", 1))])
        with pytest.raises(LakeUnavailable, match=refused):
            lake.utterances.write_attachments("w", [attachment_utterances(row, "a price")])
        assert versions(lake) == [("old words", stored), ("the price", stored)]
        lake.records.merge("w", [arrived_record("b", 2)])  # tables without analysis go on
        lake.engine.maintain("w")
    with release(stored) as lake:
        write(lake, arrived_record("c", 3), "more words")


def test_a_swap_takes_all_readers_from_one_version_to_the_next(release: Release) -> None:
    row = arrived_record("a", 1)
    with release(1) as old:
        write(old, row, "words of the first")
    with release(2) as new:
        table_set = new.engine.table_set("w")
        table_set.acquire_staging()
        table_set.create_staged()
        write(new.staged(), row, "words of the second")
        with release(1) as reader:
            assert versions(reader) == [("words of the first", 1)]
            with new.engine.exclusive("w"):
                table_set.swap()
            assert versions(reader) == [("words of the second", 2)]
            assert [hit.text for hit in search(reader, "w", "words").hits] == [
                "words of the second"
            ]
            with pytest.raises(LakeUnavailable, match="Upgrade this program"):
                write(reader, arrived_record("b", 2), "words of the first")
        write(new, arrived_record("c", 3), "more words")
        table_set.remove_replaced()
        table_set.release_staging()
        assert versions(new) == [("more words", 2), ("words of the second", 2)]


def test_a_table_from_before_versions_were_recorded_has_the_first(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = msgspec.structs.replace(
        UTTERANCES_TABLE,
        schema=schema(one for one in UTTERANCES_TABLE.schema if one.name != "analysis_version"),
        derived_from=(),
        analysis_version=None,
    )
    with release(1) as lake, monkeypatch.context() as patched:
        patched.setattr(utterances_module, "UTTERANCES_TABLE", earlier)
        patched.setattr(rows_module, "UTTERANCES_TABLE", earlier)
        write(lake, arrived_record("a", 1), "old words")
    with release(2) as lake, pytest.raises(LakeUnavailable, match="analysis version 1"):
        write(lake, arrived_record("b", 2), "new words")
    with release(1) as lake:
        write(lake, arrived_record("c", 3), "more words")
        assert versions(lake) == [("more words", 1), ("old words", None)]
