from collections.abc import Callable, Iterator

import duckdb
import pyarrow as pa
import pytest

from everlake.export.sql import open_sql
from everlake.lake import Lake
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.tables.local_backend import LocalTableBackend
from tests.support.comparison_values import INGESTED_AT_VALUES, LATEST_TIME, TEXTS, TIMES
from tests.support.lake_fixtures import any_lake, bucket, lake
from tests.support.lake_rows import arrived_record

__all__ = ["any_lake", "bucket", "lake"]


@pytest.fixture(scope="module")
def ids_both_ways(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], tuple[list[str], list[str]]]]:
    """Return the records that match a condition: by Lance, and in a copy by DuckDB."""
    root = tmp_path_factory.mktemp("lake")
    lake = Lake(LocalTableBackend(root))
    for sequence in range(1, 4):
        rows = [
            arrived_record(
                f"{sequence}-{line}",
                sequence,
                line,
                source=text,
                thread_id=None if line % 3 == 0 else text,
                event_at=[*TIMES, LATEST_TIME][line % 4],
                ingested_at=INGESTED_AT_VALUES[line % 3],
                tags=TEXTS[:line],
            )
            for line, text in enumerate(TEXTS)
        ]
        lake.records.merge("w", rows)
    (root / "overflow").mkdir()
    snapshot = lake.engine.table("w", RECORDS_TABLE).latest()
    assert snapshot is not None
    held = pa.Table.from_batches(list(snapshot.stream(snapshot.schema.names)))
    with open_sql(lake, "w", root / "overflow") as session, duckdb.connect() as plain:
        plain.execute("SET TimeZone = 'UTC'")
        plain.register("held", held)
        plain.execute("CREATE TABLE records AS FROM held")

        def ids(where: str) -> tuple[list[str], list[str]]:
            query = f"FROM records SELECT record_id WHERE {where} ORDER BY 1"
            asked = [str(row[0]) for some in session.query(query).text_rows() for row in some]
            return asked, [row[0] for row in plain.execute(query).fetchall()]

        yield ids
