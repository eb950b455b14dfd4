"""What the evidence does not explain."""
# ruff: noqa: S608 - the statements are put together from constants of this project

from collections.abc import Collection, Iterator, Sequence

import msgspec

from everlake.contract.identity import LINE_BITS
from everlake.lake import arrow
from everlake.lake.lake import ARRIVALS, RECORDS, UTTERANCES
from everlake.lake.rows import MAX_UTTERANCES
from everlake.lake.scratch import Scratch

_BATCH = f">> {LINE_BITS}"
"""Behind a version: the sequence of its batch."""

_PREPARE = (
    "CREATE OR REPLACE TABLE wrong (kind VARCHAR, id UUID, version BIGINT)",
    f"""
    CREATE OR REPLACE TABLE expected AS
    SELECT a.id, max(a.version) AS version
    FROM archive a JOIN batches b ON b.sequence = a.version {_BATCH}
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


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which the tables can be wrong.

    ``query`` gives the ``id`` and ``version`` of what is wrong; it reads ``tables``.
    ``sentence`` has a place for their number. ``lack``: the last of the tables has too little.
    ``suspect``: the landing object may be what is in error.
    """

    name: str
    sentence: str
    tables: Sequence[str]
    query: str = ""
    lack: bool = False
    suspect: bool = False


def _unexplained(table: str, alias: str, columns: str) -> str:
    return f"""
        SELECT {alias}.id, {alias}.version FROM {table} {alias}
        ANTI JOIN archive USING ({columns})
        ANTI JOIN unreadable ON unreadable.sequence = {alias}.version {_BATCH}
    """


SILENT = Kind(
    name="silent",
    lack=True,
    sentence="what {} of its records say is not in the table utterances",
    tables=(RECORDS.name, UTTERANCES.name),
)

KINDS = (
    Kind(
        name="missing",
        lack=True,
        sentence="{} of its records are not in the table records",
        tables=(RECORDS.name,),
        query="SELECT e.id, e.version FROM expected e ANTI JOIN records USING (id)",
    ),
    Kind(
        name="stale",
        sentence="{} of its records are in the table records in an earlier version",
        tables=(RECORDS.name,),
        query="""
            SELECT e.id, e.version FROM expected e JOIN records r ON r.id = e.id
            WHERE r.version < e.version
        """,
    ),
    Kind(
        name="double",
        sentence="{} of its records are in the table records more than once",
        tables=(RECORDS.name,),
        query="SELECT id, max(version) FROM records GROUP BY id HAVING count(*) > 1",
    ),
    Kind(
        name="different",
        sentence="{} of its records are not in the table records as they are in the archive",
        tables=(RECORDS.name,),
        query="""
            SELECT r.id, r.version FROM records r
            JOIN archive a ON a.id = r.id AND a.version = r.version
            WHERE a.whole <> r.whole
        """,
    ),
    Kind(
        name="strange",
        sentence="the table records has {} records of it that its landing object does not have",
        tables=(RECORDS.name,),
        query=_unexplained("records", "r", "id, version"),
        suspect=True,
    ),
    Kind(
        name="unlisted",
        lack=True,
        sentence="{} of its records are not in the table arrivals",
        tables=(ARRIVALS.name,),
        query=f"""
            SELECT a.id, a.version FROM archive a
            JOIN batches b ON b.sequence = a.version {_BATCH}
            ANTI JOIN arrivals USING (id, version, batch)
            WHERE b.landed
        """,
    ),
    Kind(
        name="strange arrival",
        sentence="the table arrivals has {} records of it that its landing object does not have",
        tables=(ARRIVALS.name,),
        query=_unexplained("arrivals", "r", "id, version, batch"),
        suspect=True,
    ),
    Kind(
        name="muddled",
        sentence="the table utterances has what {} of its records say not whole, or twice",
        tables=(UTTERANCES.name,),
        query="SELECT id, version FROM said WHERE NOT whole",
    ),
    Kind(
        name="strange words",
        sentence="the table utterances has {} records of it that its landing object does not have",
        tables=(UTTERANCES.name,),
        query=_unexplained("said", "s", "id, version, head"),
        suspect=True,
    ),
    Kind(
        name="outdated",
        sentence="the table utterances has what {} of its records said in an earlier version",
        tables=(RECORDS.name, UTTERANCES.name),
        query=f"""
            SELECT r.id, r.version FROM records r
            JOIN batches b ON b.sequence = r.version {_BATCH}
            JOIN said s ON s.id = r.id
            WHERE b.complete AND s.version < r.version
        """,
    ),
    SILENT,
)

_PERHAPS_SILENT = f"""
    SELECT r.version
    FROM records r
    JOIN batches b ON b.sequence = r.version {_BATCH}
    JOIN archive a ON a.id = r.id AND a.version = r.version
    ANTI JOIN (FROM said WHERE own) s ON s.id = r.id AND s.version >= r.version
    WHERE b.complete ORDER BY r.version
"""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """So many records are wrong in one way; ``example`` is the id of one of them.

    They came with the batch of that ``sequence``, if there is such a batch.
    """

    kind: Kind
    sequence: int
    count: int
    example: str


def find(work: Scratch, read: Collection[str]) -> None:
    """Find all that can be found without another look at the archive.

    Args:
        read: the tables that could be read.
    """
    work.do(*_PREPARE)
    for kind in KINDS:
        if kind.query and set(kind.tables) <= set(read):
            work.do(f"INSERT INTO wrong SELECT DISTINCT '{kind.name}', * FROM ({kind.query})")


def perhaps_silent(work: Scratch, read: Collection[str]) -> Iterator[int]:
    """Versions, in order, that have been analysed, and of which nothing is there that is said.

    Most of them say nothing. What their attachments say does not count: it is not in the archive.
    """
    if set(SILENT.tables) <= set(read):
        for (version,) in work.run(_PERHAPS_SILENT):
            yield version


def add_silent(work: Scratch, versions: Sequence[int]) -> None:
    """Find that the records of these versions do say something."""
    work.take(
        f"INSERT INTO wrong SELECT '{SILENT.name}', r.id, r.version"
        " FROM records r JOIN fresh ON fresh.version = r.version",
        arrow.columns({"version": versions}),
    )


def suspects(work: Scratch, most: int) -> list[str]:
    """The ids of records of which something is wrong."""
    ids = f"SELECT DISTINCT replace(id::VARCHAR, '-', '') FROM wrong LIMIT {most}"
    return [record_id for (record_id,) in work.run(ids)]


def findings(work: Scratch) -> Iterator[Finding]:
    """What was found, by batch in its order."""
    kinds = {kind.name: kind for kind in KINDS}
    found = work.run(
        f"SELECT version {_BATCH} AS sequence, kind, count(*),"
        " min(replace(id::VARCHAR, '-', '')) FROM wrong GROUP BY ALL ORDER BY sequence, kind"
    )
    for sequence, name, count, example in found:
        yield Finding(kind=kinds[name], sequence=sequence, count=count, example=example)
