"""What the evidence does not explain."""
# ruff: noqa: S608 - the statements are put together from constants of this project

from collections.abc import Collection, Iterator, Sequence

import msgspec

from everlake.contract.record_identity import LINE_BITS
from everlake.integrity.temporary_database import TemporaryDatabase
from everlake.lake.arrivals import ARRIVALS_TABLE
from everlake.lake.record_rows import RECORDS_TABLE
from everlake.lake.utterance_rows import UTTERANCES_TABLE
from everlake.model.utterances import MAX_UTTERANCES
from everlake.tables import arrow

_SEQUENCE_OF_VERSION = f">> {LINE_BITS}"
"""Behind a version: the sequence of its batch."""

_PREPARE_TABLES = (
    "CREATE OR REPLACE TABLE wrong (kind VARCHAR, id UUID, version BIGINT)",
    f"""
    CREATE OR REPLACE TABLE expected AS
    SELECT a.id, max(a.version) AS version
    FROM archive a JOIN batches b ON b.sequence = a.version {_SEQUENCE_OF_VERSION}
    WHERE b.landed GROUP BY a.id
    """,
    f"""
    CREATE OR REPLACE TABLE said AS
    WITH texts AS (
        SELECT
            id, version, ordinal // {MAX_UTTERANCES} AS text, own, min(head) AS head,
            min(head) = max(head) AND own = (text = 0) AND count(*) = count(DISTINCT ordinal)
                AND max(ordinal) = text * {MAX_UTTERANCES} + count(*) - 1 AS whole
        FROM utterances GROUP BY id, version, text, own
    )
    SELECT
        id, version, min(head) AS head,
        min(head) = max(head) AND bool_and(whole) AS whole, bool_or(own) AS own
    FROM texts GROUP BY id, version
    """,
)


class TableCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which the tables can be wrong.

    ``query`` gives the ``id`` and ``version`` of what is wrong; it reads ``tables``.
    ``sentence`` has a place for their number. ``lack``: the last of the tables has too little.
    ``suspect``: the landing object may be what is in error.
    """

    name: str
    message: str
    tables: Sequence[str]
    query: str = ""
    is_missing_rows: bool = False
    suspects_archive: bool = False


def _rows_not_in_archive(table: str, alias: str, columns: str) -> str:
    return f"""
        SELECT {alias}.id, {alias}.version FROM {table} {alias}
        ANTI JOIN archive USING ({columns})
        ANTI JOIN unreadable ON unreadable.sequence = {alias}.version {_SEQUENCE_OF_VERSION}
    """


MISSING_UTTERANCES = TableCheck(
    name="silent",
    is_missing_rows=True,
    message="what {} of its records say is not in the table utterances",
    tables=(RECORDS_TABLE.name, UTTERANCES_TABLE.name),
)

TABLE_CHECKS = (
    TableCheck(
        name="missing",
        is_missing_rows=True,
        message="{} of its records are not in the table records",
        tables=(RECORDS_TABLE.name,),
        query="SELECT e.id, e.version FROM expected e ANTI JOIN records USING (id)",
    ),
    TableCheck(
        name="stale",
        message="{} of its records are in the table records in an earlier version",
        tables=(RECORDS_TABLE.name,),
        query="""
            SELECT e.id, e.version FROM expected e JOIN records r ON r.id = e.id
            WHERE r.version < e.version
        """,
    ),
    TableCheck(
        name="double",
        message="{} of its records are in the table records more than once",
        tables=(RECORDS_TABLE.name,),
        query="SELECT id, max(version) FROM records GROUP BY id HAVING count(*) > 1",
    ),
    TableCheck(
        name="different",
        message="{} of its records are not in the table records as they are in the archive",
        tables=(RECORDS_TABLE.name,),
        query="""
            SELECT r.id, r.version FROM records r
            JOIN archive a ON a.id = r.id AND a.version = r.version
            WHERE a.whole <> r.whole
        """,
    ),
    TableCheck(
        name="strange",
        message="the table records has {} records of it that its landing object does not have",
        tables=(RECORDS_TABLE.name,),
        query=_rows_not_in_archive("records", "r", "id, version"),
        suspects_archive=True,
    ),
    TableCheck(
        name="unlisted",
        is_missing_rows=True,
        message="{} of its records are not in the table arrivals",
        tables=(ARRIVALS_TABLE.name,),
        query=f"""
            SELECT a.id, a.version FROM archive a
            JOIN batches b ON b.sequence = a.version {_SEQUENCE_OF_VERSION}
            ANTI JOIN arrivals USING (id, version, batch)
            WHERE b.landed
        """,
    ),
    TableCheck(
        name="strange arrival",
        message="the table arrivals has {} records of it that its landing object does not have",
        tables=(ARRIVALS_TABLE.name,),
        query=_rows_not_in_archive("arrivals", "r", "id, version, batch"),
        suspects_archive=True,
    ),
    TableCheck(
        name="muddled",
        message="the table utterances has what {} of its records say not whole, or twice",
        tables=(UTTERANCES_TABLE.name,),
        query="SELECT id, version FROM said WHERE NOT whole",
    ),
    TableCheck(
        name="strange words",
        message="the table utterances has {} records of it that its landing object does not have",
        tables=(UTTERANCES_TABLE.name,),
        query=_rows_not_in_archive("said", "s", "id, version, head"),
        suspects_archive=True,
    ),
    TableCheck(
        name="outdated",
        message="the table utterances has what {} of its records said in an earlier version",
        tables=(RECORDS_TABLE.name, UTTERANCES_TABLE.name),
        query=f"""
            SELECT r.id, r.version FROM records r
            JOIN batches b ON b.sequence = r.version {_SEQUENCE_OF_VERSION}
            JOIN said s ON s.id = r.id
            WHERE b.complete AND s.version < r.version
        """,
    ),
    MISSING_UTTERANCES,
)

_FIND_WITHOUT_UTTERANCES = f"""
    SELECT r.version
    FROM records r
    JOIN batches b ON b.sequence = r.version {_SEQUENCE_OF_VERSION}
    JOIN archive a ON a.id = r.id AND a.version = r.version
    ANTI JOIN (FROM said WHERE own) s ON s.id = r.id AND s.version >= r.version
    WHERE b.complete ORDER BY r.version
"""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """So many records are wrong in one way; ``example`` is the id of one of them.

    They came with the batch of that ``sequence``, if there is such a batch.
    """

    check: TableCheck
    sequence: int
    count: int
    example: str


def run_checks(database: TemporaryDatabase, readable_tables: Collection[str]) -> None:
    """Find all that can be found without another look at the archive.

    Args:
        readable_tables: the tables that could be read.
    """
    database.execute(*_PREPARE_TABLES)
    for kind in TABLE_CHECKS:
        if kind.query and set(kind.tables) <= set(readable_tables):
            database.execute(
                f"INSERT INTO wrong SELECT DISTINCT '{kind.name}', * FROM ({kind.query})"
            )


def versions_without_utterances(
    database: TemporaryDatabase, readable_tables: Collection[str]
) -> Iterator[int]:
    """Versions, in order, that have been analysed, and of which nothing is there that is said.

    Most of them say nothing. What their attachments say does not count: it is not in the archive.
    """
    if set(MISSING_UTTERANCES.tables) <= set(readable_tables):
        for (version,) in database.query(_FIND_WITHOUT_UTTERANCES):
            yield version


def add_missing_utterances(database: TemporaryDatabase, versions: Sequence[int]) -> None:
    """Find that the records of these versions do say something."""
    database.load(
        f"INSERT INTO wrong SELECT '{MISSING_UTTERANCES.name}', r.id, r.version"
        " FROM records r JOIN fresh ON fresh.version = r.version",
        arrow.from_columns({"version": versions}),
    )


def suspect_record_ids(database: TemporaryDatabase, limit: int) -> list[str]:
    """The ids of records of which something is wrong."""
    ids = f"SELECT DISTINCT replace(id::VARCHAR, '-', '') FROM wrong LIMIT {limit}"
    return [record_id for (record_id,) in database.query(ids)]


def list_findings(database: TemporaryDatabase) -> Iterator[Finding]:
    """What was found, by batch in its order."""
    kinds = {kind.name: kind for kind in TABLE_CHECKS}
    found = database.query(
        f"SELECT version {_SEQUENCE_OF_VERSION} AS sequence, kind, count(*),"
        " min(replace(id::VARCHAR, '-', '')) FROM wrong GROUP BY ALL ORDER BY sequence, kind"
    )
    for sequence, name, count, example in found:
        yield Finding(check=kinds[name], sequence=sequence, count=count, example=example)
