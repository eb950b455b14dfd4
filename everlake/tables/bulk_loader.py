"""Filling empty tables: by appending in large pieces, with most indices made at the end.

Nothing is looked up and nothing replaced, so whoever fills them brings each record once. The
full-text index takes longer than all the rest, and its engine uses few cores: it is made on the
side, some pieces at a time, while the next pieces are gathered.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from everlake.lake.lake import ARRIVALS_TABLE, DERIVED_TABLES, RECORDS_TABLE, UTTERANCES_TABLE, Lake
from everlake.model.records import (
    ArrivedRecord,
    RecordArrival,
    UtteranceGroup,
    record_size,
    text_size,
)
from everlake.tables import arrow
from everlake.tables.maintenance import INDEX_SEGMENT_ROWS
from everlake.tables.row_buffer import RowBuffer
from everlake.tables.table import Table

FULL_TEXT_SEGMENT_ROWS = INDEX_SEGMENT_ROWS["INVERTED"]
"""So many utterances make a part of the full-text index, as large as upkeep makes one."""

_TEXT_COLUMN = "text"

CHUNK_BYTES = 64 * 1024 * 1024
"""What one piece holds of all tables in memory; it becomes one fragment of each."""


class BulkLoader:
    """The tables of one workspace while they are filled, for the length of a block.

    What was added is held in memory until :meth:`flush`. Every method may raise LakeUnavailable
    or LakeDamaged.
    """

    def __init__(self, lake: Lake, workspace_id: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1)
        self._indexing: Future[None] | None = None
        self._tables = {spec.name: lake.table(workspace_id, spec) for spec in DERIVED_TABLES}
        self._arrivals = RowBuffer[RecordArrival](arrow.arrivals_table, lambda _: 0)
        self._records = RowBuffer[ArrivedRecord](arrow.records_table, record_size)
        self._utterances = RowBuffer[UtteranceGroup](arrow.utterances_table, text_size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()

    @property
    def arrivals(self) -> Table:
        """The table of arrivals, as far as it is written."""
        return self._tables[ARRIVALS_TABLE.name]

    def add_arrivals(self, rows: Sequence[RecordArrival]) -> None:
        """Add arrivals, each of which is new."""
        self._arrivals.extend(rows)

    def add_records(self, rows: Sequence[ArrivedRecord]) -> None:
        """Add records, none of which is there yet.

        Raises:
            ValueError: a row's texts are not UTF-8.
        """
        self._records.extend(rows)

    def add_utterances(self, groups: Sequence[UtteranceGroup]) -> None:
        """Add what records, or attachments, say of which nothing is there yet."""
        self._utterances.extend(groups)

    def is_full(self) -> bool:
        """Whether it is time to :meth:`flush`."""
        return (
            self._arrivals.size_bytes + self._records.size_bytes + self._utterances.size_bytes
            >= CHUNK_BYTES
        )

    def flush(self) -> dict[str, int]:
        """Write what was added; the tables' versions that hold it, synced."""
        self._wait_for_indexing()
        waiting = {
            ARRIVALS_TABLE.name: self._arrivals,
            RECORDS_TABLE.name: self._records,
            UTTERANCES_TABLE.name: self._utterances,
        }
        versions: dict[str, int] = {}
        for name, pile in waiting.items():
            rows = pile.drain()
            with self._tables[name].writing() as writer:
                if rows is not None:
                    writer.commit(writer.snapshot.prepare_append(rows))
                versions[name] = writer.snapshot.version
        self._indexing = self._executor.submit(self._extend_full_text_index, FULL_TEXT_SEGMENT_ROWS)
        return versions

    def roll_back(self, versions: Mapping[str, int]) -> None:
        """Undo what was written after :meth:`flush` gave these versions."""
        for name, version in versions.items():
            with self._tables[name].writing() as writer:
                writer.restore(version)

    def build_indexes(self) -> Iterator[tuple[str, str]]:
        """Finish the indices; each one's table and column before it is made."""
        self._wait_for_indexing()
        for spec in DERIVED_TABLES:
            for column, kind in spec.indexes.items():
                yield spec.name, column
                if (spec, column) == (UTTERANCES_TABLE, _TEXT_COLUMN):
                    self._extend_full_text_index(1)
                    continue
                with self._tables[spec.name].writing() as writer:
                    writer.create_index(column, kind)

    def _extend_full_text_index(self, min_rows: int) -> None:
        """Take the rows that are in no part of the index into one, if there are so many."""
        with self._tables[UTTERANCES_TABLE.name].writing() as writer:
            if writer.snapshot.index_state(_TEXT_COLUMN).unindexed_rows >= min_rows:
                writer.extend_index(_TEXT_COLUMN, 0)

    def _wait_for_indexing(self) -> None:
        if self._indexing is not None:
            self._indexing.result()

    def remove_other_versions(self) -> None:
        """Delete what is left of earlier versions. Nobody else may use the tables."""
        for table in self._tables.values():
            with table.writing() as writer:
                writer.remove_other_versions()
