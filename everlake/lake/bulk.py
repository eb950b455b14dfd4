"""Filling empty tables: by appending in large pieces, with most indices made at the end.

Nothing is looked up and nothing replaced, so whoever fills them brings each record once. The
full-text index takes longer than all the rest, and its engine uses few cores: it is made on the
side, some pieces at a time, while the next pieces are gathered.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from everlake.lake import arrow
from everlake.lake.lake import ARRIVALS, RECORDS, SPECS, UTTERANCES, Lake
from everlake.lake.pile import Pile
from everlake.lake.rows import Arrival, ArrivedRecord, Words, said_weight, weight
from everlake.lake.table import Table
from everlake.lake.upkeep import INDEX_STEP

TEXT_ROWS = INDEX_STEP["INVERTED"]
"""So many utterances make a part of the full-text index, as large as upkeep makes one."""

_TEXT = "text"

PIECE_BYTES = 64 * 1024 * 1024
"""What one piece holds of all tables in memory; it becomes one fragment of each."""


class Bulk:
    """The tables of one workspace while they are filled, for the length of a block.

    What was added is held in memory until :meth:`flush`. Every method may raise LakeUnavailable
    or LakeDamaged.
    """

    def __init__(self, lake: Lake, workspace_id: str) -> None:
        self._side = ThreadPoolExecutor(max_workers=1)
        self._indexing: Future[None] | None = None
        self._tables = {spec.name: lake.table(workspace_id, spec) for spec in SPECS}
        self._arrivals = Pile[Arrival](arrow.arrivals_table, lambda _: 0)
        self._records = Pile[ArrivedRecord](arrow.records_table, weight)
        self._utterances = Pile[Words](arrow.utterances_table, said_weight)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._side.shutdown()

    @property
    def arrivals(self) -> Table:
        """The table of arrivals, as far as it is written."""
        return self._tables[ARRIVALS.name]

    def add_arrivals(self, rows: Sequence[Arrival]) -> None:
        """Add arrivals, each of which is new."""
        self._arrivals.add(rows)

    def add_records(self, rows: Sequence[ArrivedRecord]) -> None:
        """Add records, none of which is there yet.

        Raises:
            ValueError: a row's texts are not UTF-8.
        """
        self._records.add(rows)

    def add_utterances(self, texts: Sequence[Words]) -> None:
        """Add what records, or attachments, say of which nothing is there yet."""
        self._utterances.add(texts)

    def is_full(self) -> bool:
        """Whether it is time to :meth:`flush`."""
        return self._arrivals.bytes + self._records.bytes + self._utterances.bytes >= PIECE_BYTES

    def flush(self) -> dict[str, int]:
        """Write what was added; the tables' versions that hold it, synced."""
        self._wait()
        waiting = {
            ARRIVALS.name: self._arrivals,
            RECORDS.name: self._records,
            UTTERANCES.name: self._utterances,
        }
        versions: dict[str, int] = {}
        for name, pile in waiting.items():
            rows = pile.take()
            with self._tables[name].writing() as writer:
                if rows is not None:
                    writer.commit(writer.snapshot.prepare_append(rows))
                versions[name] = writer.snapshot.version
        self._indexing = self._side.submit(self._index_text, TEXT_ROWS)
        return versions

    def go_back(self, versions: Mapping[str, int]) -> None:
        """Undo what was written after :meth:`flush` gave these versions."""
        for name, version in versions.items():
            with self._tables[name].writing() as writer:
                writer.go_back(version)

    def index(self) -> Iterator[tuple[str, str]]:
        """Finish the indices; each one's table and column before it is made."""
        self._wait()
        for spec in SPECS:
            for column, kind in spec.indices.items():
                yield spec.name, column
                if (spec, column) == (UTTERANCES, _TEXT):
                    self._index_text(1)
                    continue
                with self._tables[spec.name].writing() as writer:
                    writer.create_index(column, kind)

    def _index_text(self, least: int) -> None:
        """Take the rows that are in no part of the index into one, if there are so many."""
        with self._tables[UTTERANCES.name].writing() as writer:
            if writer.snapshot.index_state(_TEXT).unindexed >= least:
                writer.extend_index(_TEXT, 0)

    def _wait(self) -> None:
        if self._indexing is not None:
            self._indexing.result()

    def tidy(self) -> None:
        """Delete what is left of earlier versions. Nobody else may use the tables."""
        for table in self._tables.values():
            with table.writing() as writer:
                writer.forget_versions()
