from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from everlake.lake import Lake
from everlake.lake.lake import RECORDS
from everlake.lake.local import LocalSite
from everlake.lake.sql import open_sql
from tests.integration.lake.bucket import BucketHome
from tests.integration.lake.home import arrived
from tests.integration.lake.values import INGESTED, LAST, TEXTS, TIMES
from tests.integration.s3 import S3, variables


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalSite(tmp_path))


@pytest.fixture
def bucket(s3_server: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketHome]:
    for name, value in variables(s3_server.url).items():
        monkeypatch.setenv(name, value)
    home = BucketHome(s3_server, tmp_path)
    yield home
    home.close()


@pytest.fixture(params=["disk", "bucket"])
def any_lake(request: pytest.FixtureRequest) -> Lake:
    """A lake of either kind."""
    if request.param == "disk":
        return request.getfixturevalue("lake")
    return request.getfixturevalue("bucket").lake()


@pytest.fixture(scope="module")
def ids_both_ways(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], tuple[list[str], list[str]]]]:
    """The records for which a condition holds: by the tables, and by the engine's own copy."""
    root = tmp_path_factory.mktemp("lake")
    lake = Lake(LocalSite(root))
    for sequence in range(1, 4):
        rows = [
            arrived(
                f"{sequence}-{line}",
                sequence,
                line,
                source=text,
                thread_id=None if line % 3 == 0 else text,
                event_at=[*TIMES, LAST][line % 4],
                ingested_at=INGESTED[line % 3],
                tags=TEXTS[:line],
            )
            for line, text in enumerate(TEXTS)
        ]
        lake.merge_records("w", rows)
    (root / "overflow").mkdir()
    snapshot = lake.table("w", RECORDS).latest()
    assert snapshot is not None
    held = pa.Table.from_batches(list(snapshot.stream(snapshot.schema.names)))
    with open_sql(lake, "w", root / "overflow") as session, duckdb.connect() as plain:
        plain.execute("SET TimeZone = 'UTC'")
        plain.register("held", held)
        plain.execute("CREATE TABLE records AS FROM held")

        def ids(where: str) -> tuple[list[str], list[str]]:
            query = f"FROM records SELECT record_id WHERE {where} ORDER BY 1"
            asked = [str(row[0]) for some in session.ask(query).texts() for row in some]
            return asked, [row[0] for row in plain.execute(query).fetchall()]

        yield ids
