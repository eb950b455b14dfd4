import pytest

from everlake.model.records import RecordFilters
from everlake.model.utterances import UtteranceFilters
from everlake.operations.errors import InvalidInput, ResourceNotFound
from everlake.operations.records import get_record, list_records, summarize_records
from everlake.operations.search import search_utterances
from everlake.operations.tables import list_tables
from tests.support.worker_fixture import WorkerFixture, record


def test_records_are_listed_by_pages_newest_arrival_first(home: WorkerFixture) -> None:
    home.accept(record("a", "one"), record("b", "two"))
    home.process_all()

    page = list_records(home.lake, home.workspace_id, RecordFilters(), limit=1)
    rest = list_records(
        home.lake, home.workspace_id, RecordFilters(), limit=1, before_version=page.next_before
    )
    whole = list_records(home.lake, home.workspace_id, RecordFilters(), limit=2)

    assert [row.data for row in whole.records] == [b'{"text": "two"}', b'{"text": "one"}']
    assert whole.next_before is None
    assert [*page.records, *rest.records] == whole.records
    assert rest.next_before is None


def test_a_record_names_the_batches_that_brought_it_oldest_first(home: WorkerFixture) -> None:
    first = home.accept(record("a", "one"))
    second = home.accept(record("a", "two"))
    home.process_all()
    [row] = list_records(home.lake, home.workspace_id, RecordFilters(), limit=10).records

    history = get_record(home.lake, home.workspace_id, row.record_id)

    assert history.record == row
    assert history.batch_ids == [first, second]


def test_a_workspace_sees_no_record_of_another(home: WorkerFixture, other_workspace: str) -> None:
    home.accept(record("a", "a secret"))
    home.process_all()
    [row] = list_records(home.lake, home.workspace_id, RecordFilters(), limit=10).records

    assert list_records(home.lake, other_workspace, RecordFilters(), limit=10).records == []
    assert search_utterances(home.lake, other_workspace, "secret", limit=10).hits == []
    assert summarize_records(home.lake, other_workspace).records == 0
    with pytest.raises(ResourceNotFound):
        get_record(home.lake, other_workspace, row.record_id)


def test_utterances_are_found_by_pages(home: WorkerFixture) -> None:
    home.accept(record("a", "a blue whale"), record("b", "a blue bird"))
    home.process_all()

    page = search_utterances(home.lake, home.workspace_id, "blue", limit=1)
    assert page.next_offset is not None
    rest = search_utterances(home.lake, home.workspace_id, "blue", limit=1, offset=page.next_offset)

    assert {hit.text for hit in (*page.hits, *rest.hits)} == {"a blue whale", "a blue bird"}
    assert rest.next_offset is None
    elsewhere = UtteranceFilters(source="elsewhere")
    assert (
        search_utterances(home.lake, home.workspace_id, "blue", filters=elsewhere, limit=1).hits
        == []
    )


@pytest.mark.parametrize("query", ["", "!?", "\ud800"])
def test_a_query_without_a_word_cannot_be_searched_for(home: WorkerFixture, query: str) -> None:
    with pytest.raises(InvalidInput):
        search_utterances(home.lake, home.workspace_id, query, limit=1)


def test_tables_are_listed_before_and_after_there_is_something_in_them(
    home: WorkerFixture,
) -> None:
    empty = {table.table: table for table in list_tables(home.lake, home.workspace_id)}
    home.accept(record("a"), record("b"))
    home.process_all()
    filled = {table.table: table for table in list_tables(home.lake, home.workspace_id)}

    assert {(table.rows, table.version) for table in empty.values()} == {(0, None)}
    assert {name: table.rows for name, table in filled.items()} == dict.fromkeys(empty, 2)
    assert all(table.version is not None for table in filled.values())
    assert {name: table.where for name, table in filled.items()} == {
        name: table.where for name, table in empty.items()
    }


def test_records_are_counted_by_type_and_source(home: WorkerFixture) -> None:
    home.accept(record("a"), record("b"))
    home.process_all()

    summary = summarize_records(home.lake, home.workspace_id)

    assert (summary.records, summary.by_type) == (2, {"message": 2})
