import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from everlake.export import sql
from everlake.export.errors import SqlError
from everlake.export.sql import open_sql
from everlake.lake import Lake, LakeDamaged, LakeUnavailable
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.tables.local_backend import LocalTableBackend
from everlake.tables.snapshot import Snapshot
from tests.support.lake_files import reopened, storage_root, table_directory
from tests.support.lake_rows import analysed_record, arrived_record, record_id
from tests.support.sql_queries import json_rows, text_rows

VERBATIM = [
    '{"a":1}',
    ' {"text" :  "caf\\u00e9",\t"n": 1.50, "text": "twice"} ',
    '{\n  "lines": [1,\r\n 2],\n  "long": 123456789012345678901234567890, "e": 1E400}',
    '"\\ud800 half a pair, \\u0000 a zero, \\/ a slash"',
    '{"quotes":"\'\\"`","emoji":"🦢","tab":"\\t"}',
    "[]",
]


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Three records of two types, and utterances of one of them."""
    rows = [
        arrived_record("a", 1, record_type="email", data=b'{"subject":"Hello"}', tags=["x", "y"]),
        arrived_record("b", 1, 1, record_type="call", event_at="2024-06-01T00:00:00Z"),
        arrived_record("c", 2, record_type="email", thread_id="t"),
    ]
    lake.records.merge("w", rows)
    lake.utterances.write("w", [analysed_record(rows[0], "the export is slow", "thank you")])
    return lake


def test_all_three_tables_can_be_queried_and_joined(filled: Lake) -> None:
    query = "SELECT type, count(*) AS records FROM records GROUP BY 1 ORDER BY 1"
    assert json_rows(filled, query) == [
        {"type": "call", "records": 1},
        {"type": "email", "records": 2},
    ]
    assert json_rows(filled, "SELECT count(*) AS n FROM arrivals") == [{"n": 3}]
    joined = "SELECT u.text FROM utterances u JOIN records r USING (record_id, version) ORDER BY 1"
    assert text_rows(filled, joined) == [("thank you",), ("the export is slow",)]


def test_the_requested_order_is_kept(filled: Lake) -> None:
    ids = [record_id(name) for name in "abc"]
    for order in ("ASC", "DESC"):
        rows = text_rows(filled, f"FROM records SELECT record_id ORDER BY record_id {order}")
        assert [row[0] for row in rows] == sorted(ids, reverse=order == "DESC")


def test_data_is_byte_for_byte_what_was_sent(lake: Lake) -> None:
    sent = {record_id(n): data for n, data in enumerate(VERBATIM)}
    lake.records.merge(
        "w", [arrived_record(n, 1, n, data=d.encode()) for n, d in enumerate(VERBATIM)]
    )
    query = "SELECT record_id, data FROM records"
    assert {row["record_id"]: row["data"] for row in json_rows(lake, query)} == sent
    assert {name: data for name, data in text_rows(lake, query)} == sent  # noqa: C416 - pyright


def test_every_type_of_value_has_its_documented_text_form(filled: Lake) -> None:
    query = """
        SELECT event_at, ingested_at, tags, participants, vendor_ids, thread_id, data,
               data -> '$.subject' AS json, data ->> '$.subject' AS text,
               'nan'::DOUBLE AS none, 1.5 AS number, 2 ** 100::HUGEINT AS huge, true AS yes,
               DATE '2024-01-31' AS day, 1 AS same, 2 AS same
        FROM records WHERE record_id = (SELECT min(record_id) FROM records WHERE tags != [])
    """
    [row] = json_rows(filled, query)
    assert row == {
        "event_at": "2024-05-01T10:00:00Z",
        "ingested_at": "2023-11-14T22:13:20.001Z",
        "tags": ["x", "y"],
        "participants": [
            {"id": "u1", "role": "internal", "name": None, "email": None, "type": None}
        ],
        "vendor_ids": {"message_id": "a"},
        "thread_id": None,
        "data": '{"subject":"Hello"}',
        "json": "Hello",
        "text": "Hello",
        "none": None,
        "number": 1.5,
        "huge": 2**100,
        "yes": True,
        "day": "2024-01-31",
        "same": 1,
        "same_1": 2,
    }
    [cells] = text_rows(filled, query)
    assert cells[0] == "2024-05-01T10:00:00Z"
    assert cells[2] == '["x","y"]'
    assert cells[4] == '{"message_id":"a"}'
    assert cells[5] is None


def test_days_are_in_utc_whatever_the_local_time_zone(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    lake.records.merge("w", [arrived_record("late", 1, event_at="2024-02-29T23:59:59Z")])
    assert text_rows(lake, "SELECT event_at::DATE, date_trunc('day', event_at) FROM records") == [
        ("2024-02-29", "2024-02-29T00:00:00Z")
    ]


@pytest.mark.parametrize(
    "query",
    [
        "FROM records",
        "TABLE records",
        "VALUES (1, 2)",
        "DESCRIBE records",
        "SUMMARIZE SELECT type FROM records",
        "SHOW TABLES",
        "(SELECT 1)",
        "WITH t AS (SELECT 1) SELECT * FROM t",
        "PIVOT records ON type IN ('email', 'call') USING count(*) GROUP BY source",
        "SELECT 1 -- with a comment at the end",
        "/* before */ SELECT 1 ; ",
        "SELECT ';' AS x;;",
    ],
)
def test_every_statement_that_reads_is_accepted(filled: Lake, query: str) -> None:
    assert json_rows(filled, query)


def test_a_workspace_without_tables_has_empty_ones_with_all_columns(filled: Lake) -> None:
    for table, columns in (("records", 18), ("arrivals", 3), ("utterances", 16)):
        assert json_rows(filled, f"FROM {table}", "new") == []
        assert json_rows(filled, f"FROM {table} SELECT count(*) AS n", "new") == [{"n": 0}]
        assert len(json_rows(filled, f"DESCRIBE {table}", "new")) == columns
    where = "SELECT data FROM records WHERE type = 'email' AND event_at > '2024-01-01'"
    assert json_rows(filled, where, "new") == []
    assert not Path(filled.engine.table_set("new").uri).exists()


def test_a_missing_table_is_empty_beside_existing_ones(lake: Lake) -> None:
    lake.records.merge("w", [arrived_record("a", 1)])
    assert json_rows(
        lake, "SELECT r.type, u.text FROM records r LEFT JOIN utterances u USING (type)"
    )


def test_a_session_sees_only_its_own_workspace(filled: Lake) -> None:
    filled.records.merge("other", [arrived_record("theirs", 1)])
    assert json_rows(filled, "SELECT count(*) AS n FROM records", "other") == [{"n": 1}]
    assert json_rows(filled, "SELECT count(*) AS n FROM records") == [{"n": 3}]


HOSTILE = [
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM '{tree}/*'",
    "SELECT * FROM read_text('{secret}')",
    "SELECT * FROM read_blob('{secret}')",
    "SELECT * FROM read_json_auto('{secret}')",
    "SELECT * FROM read_parquet('{secret}')",
    "SELECT * FROM read_parquet('https://example.com/x.parquet')",
    "SELECT * FROM read_text('s3://bucket/key')",
    "SELECT * FROM glob('{tree}/*')",
    "SELECT * FROM sniff_csv('{secret}')",
    "SELECT * FROM parquet_metadata('{secret}')",
    "SELECT * FROM read_duckdb('{secret}')",
    "SELECT * FROM read_text('{overflow}/../secret')",
    "SELECT * FROM query('SELECT * FROM read_text(''{secret}'')')",
    "SELECT * FROM query('COPY records TO ''{tree}/out''')",
    "FROM json_execute_serialized_sql(json_serialize_sql('FROM read_text(''{secret}'')'))",
    "SELECT * FROM enable_logging('QueryLog', storage='file', storage_path='{tree}/log')",
    "SELECT * FROM enable_profiling(save_location='{tree}/profile')",
    "SELECT getenv('HOME')",
    "SELECT * FROM hidden_variable",
    "WITH t AS (DELETE FROM records RETURNING *) SELECT * FROM t",
    "WITH t AS (INSERT INTO records SELECT * FROM records RETURNING *) SELECT * FROM t",
    "COPY records TO '{tree}/out.csv'",
    "COPY records TO '{overflow}/out.csv'",
    "COPY (SELECT 1) TO '/dev/stdout'",
    "COPY records FROM '{secret}'",
    "EXPLAIN ANALYZE COPY records TO '{overflow}/out.csv'",
    "EXPLAIN SELECT 1",
    "EXPORT DATABASE '{tree}/all'",
    "IMPORT DATABASE '{tree}'",
    "ATTACH '{tree}/new.db'",
    "ATTACH ':memory:' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{secret}'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET memory_limit = '1TB'",
    "PRAGMA enable_external_access = true",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "CALL enable_logging(storage = 'file', storage_config = {{'path': '{tree}/log'}})",
    "CREATE TABLE t AS SELECT 1",
    "CREATE OR REPLACE TEMP VIEW records AS SELECT 1",
    "CREATE PERSISTENT SECRET s (TYPE http)",
    "CREATE MACRO f(x) AS x",
    "DROP VIEW records",
    "INSERT INTO records (record_id) VALUES ('x')",
    "UPDATE records SET type = 'x'",
    "DELETE FROM records",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "USE memory",
    "PREPARE p AS SELECT 1",
    "SELECT 1; COPY records TO '{tree}/out.csv'",
    "COPY records TO '{tree}/out.csv'; SELECT 1",
    "SELECT 1) AS x; COPY (SELECT 1) TO '{tree}/out.csv'; SELECT (1",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_statements_reach_nothing_but_the_tables(
    filled: Lake, tmp_path: Path, hostile: str
) -> None:
    hidden_variable = pa.table({"a": [1]})
    assert hidden_variable.num_rows
    tree = tmp_path / "tree"
    overflow = tree / "overflow"
    overflow.mkdir(parents=True)
    secret = tree / "secret"
    secret.write_text("a,b\nroot,42\n")
    before = contents(tree)
    query = hostile.format(secret=secret, tree=tree, overflow=overflow)
    with open_sql(filled, "w", overflow) as session:
        with pytest.raises(SqlError) as raised:
            list(session.query(query).text_rows())
        assert "42" not in str(raised.value)
        assert list(session.query("SELECT count(*) FROM records").text_rows()) == [[("3",)]]
    assert contents(tree) == before


def contents(tree: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(tree)): path.read_bytes() if path.is_file() else None
        for path in tree.rglob("*")
    }


def test_the_configuration_is_locked_before_the_first_statement(
    filled: Lake, tmp_path: Path
) -> None:
    with open_sql(filled, "w", tmp_path / "overflow") as session:
        query = "SELECT value FROM duckdb_settings() WHERE name = "
        for name, value in (
            ("enable_external_access", "false"),
            ("lock_configuration", "true"),
            ("autoload_known_extensions", "false"),
            ("autoinstall_known_extensions", "false"),
            ("python_enable_replacements", "false"),
            ("enable_progress_bar", "false"),
        ):
            assert list(session.query(f"{query} '{name}'").text_rows()) == [[(value,)]]


class Scans:
    """Columns and filters that are requested from the tables, which are read as well."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.columns: list[list[str]] = []
        self.filters: list[str] = []
        stream = Snapshot.stream

        def watched(self_: Snapshot, columns: Sequence[str], where: Any = None, **more: Any) -> Any:
            self.columns.append(list(columns))
            self.filters.append(str(where))
            return stream(self_, columns, where, **more)

        monkeypatch.setattr(Snapshot, "stream", watched)


@pytest.mark.parametrize(
    ("query", "columns", "condition"),
    [
        ("SELECT count(*) FROM records", {"record_id"}, "None"),
        ("SELECT type, count(*) FROM records GROUP BY 1", {"type"}, "None"),
        ("SELECT count(*) FROM records WHERE type = 'email'", {"record_id"}, 'type == "email"'),
        ("SELECT tags FROM records WHERE version > 5", {"tags"}, "version > 5"),
        ("SELECT event_at FROM records WHERE thread_id IS NULL", {"event_at"}, "is_null"),
        ("SELECT unnest(tags) FROM records", {"tags"}, "None"),
        ("SELECT * EXCLUDE (data, envelope) FROM records WHERE source = 'x'", None, "source"),
    ],
)
def test_projections_and_filters_are_pushed_down(
    filled: Lake, monkeypatch: pytest.MonkeyPatch, query: str, columns: set[str], condition: str
) -> None:
    scans = Scans(monkeypatch)
    json_rows(filled, query)
    [asked], [where] = scans.columns, scans.filters
    assert set(asked) == columns if columns else not {"data", "envelope"} & set(asked)
    assert condition in where


def test_a_session_reads_the_versions_it_was_opened_with(filled: Lake, tmp_path: Path) -> None:
    with open_sql(filled, "w", tmp_path / "overflow") as session:
        filled.records.merge("w", [arrived_record("d", 3)])
        assert list(session.query("SELECT count(*) FROM records").text_rows()) == [[("3",)]]
    assert text_rows(filled, "SELECT count(*) FROM records") == [("4",)]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM recods", 'Table with name recods does not exist! Did you mean "records"'),
        ("SELECT bodyy FROM records", 'column "bodyy" not found'),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT 1,\n 2 3\nFROM records", r'near "3" \(line 2\)'),
        ("SELECT data::INTEGER FROM records", "Conversion Error"),
        ("SELECT * FROM records WHERE type = ?", "parameters"),
        ("", "Only a single statement"),
        ("-- nothing", "Only a single statement"),
        ("SELECT 1; SELECT 2", "Only a single statement"),
    ],
)
def test_an_invalid_statement_is_reported_on_one_line(
    filled: Lake, query: str, message: str
) -> None:
    with pytest.raises(SqlError, match=message) as raised:
        text_rows(filled, query)
    assert "\n" not in str(raised.value)


def test_a_lost_data_file_is_damage_and_the_message_says_what_to_do(filled: Lake) -> None:
    for file in (table_directory(filled, "records") / "data").iterdir():
        file.unlink()
    for query in ("SELECT count(*) FROM records WHERE type = 'email'", "SELECT data FROM records"):
        with pytest.raises(LakeDamaged, match="everlake lake rebuild"):
            text_rows(reopened(filled), query)


def test_a_corrupt_table_is_reported_as_damaged(filled: Lake) -> None:
    for version in (table_directory(filled, "utterances") / "_versions").iterdir():
        os.truncate(version, 10)
    with pytest.raises(LakeDamaged, match="'utterances'"):
        text_rows(reopened(filled), "SELECT 1")


def test_a_table_cleaned_up_during_a_read_is_not_damaged(filled: Lake, tmp_path: Path) -> None:
    (tmp_path / "overflow").mkdir()
    with open_sql(Lake(LocalTableBackend(tmp_path)), "w", tmp_path / "overflow") as session:
        for sequence in range(3, 20):
            filled.records.merge(
                "w", [arrived_record("a", sequence), arrived_record("b", sequence, 1)]
            )
        assert filled.engine.maintain("w")
        with filled.engine.table("w", RECORDS_TABLE).writing() as writer:
            writer.remove_other_versions()
        with pytest.raises(LakeUnavailable, match="Run the command again"):
            list(session.query("SELECT data FROM records").text_rows())


def test_large_results_are_spilled_to_the_directory(
    filled: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "MEMORY_LIMIT", "60MB")
    overflow = tmp_path / "overflow"
    overflow.mkdir()
    with open_sql(filled, "w", overflow) as session:
        query = "SELECT hash(a) AS h, repeat('x', 100) FROM range(1000000) t(a) ORDER BY 1"
        steps = session.query(query).text_rows()
        first = next(steps)
        assert any(overflow.rglob("*"))
        rows = len(first) + sum(len(some) for some in steps)
    assert rows == 1_000_000


def test_a_query_too_large_for_memory_and_disk_says_what_to_do(
    filled: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "MEMORY_LIMIT", "60MB")
    with open_sql(filled, "w", tmp_path / "overflow") as session:
        answer = session.query("SELECT list(repeat('x', 1000) || a) FROM range(1000000) t(a)")
        with pytest.raises(SqlError, match="TMPDIR"):
            list(answer.text_rows())
        assert list(session.query("SELECT count(*) FROM records").text_rows()) == [[("3",)]]


SCRIPT = r"""
import resource, sys
from pathlib import Path
from everlake.lake import Lake
from everlake.tables.local_backend import LocalTableBackend
from everlake.export.sql import open_sql

with open_sql(Lake(LocalTableBackend(Path(sys.argv[1]))), "w", Path(sys.argv[2])) as session:
    def read(rows):
        text = f"SELECT a, repeat('x', 4000) FROM range({rows}) t(a)"
        print(sum(len(some) for some in session.query(text).json_rows()))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    read(1_000)
    read(200_000)
"""


def test_a_long_result_takes_no_more_memory_than_a_short_one(filled: Lake, tmp_path: Path) -> None:
    overflow = tmp_path / "overflow"
    overflow.mkdir()
    root = storage_root(filled)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, root, overflow], check=True, capture_output=True, text=True
    )
    few, before, many, after = map(int, done.stdout.split())
    assert (few, many) == (1_000, 200_000)
    assert (after - before) * 1024 < 200 * 1024 * 1024, "the answer is 800 MB"
