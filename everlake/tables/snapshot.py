"""Snapshot: one version of a Lance table, and all that Everlake uses of pylance, with types.

A :class:`Snapshot` never changes, so threads share it. A write has two steps, so that the caller
can sync the data files before the commit.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
# pyright: reportMissingTypeArgument=false, reportMissingTypeStubs=false
# Reason: pylance's annotations name pyarrow's types, and pyarrow has none.

from collections.abc import Collection, Generator, Mapping, Sequence
from typing import Any, Literal, Self, TypeAlias, TypeVar

import lance
from lance import Session  # pyright: ignore[reportPrivateImportUsage]  (documented there)
from lance.dataset import LanceDataset, LanceOperation
from lance.fragment import write_fragments
from lance.optimize import Compaction

from everlake.model.utterances import TextQuery
from everlake.tables import analysis_versions, arrow, full_text
from everlake.tables.lance_errors import lance_errors
from everlake.tables.types import Fragment, IndexState, PreparedWrite, TableLocation

Row: TypeAlias = dict[str, Any]
Caches: TypeAlias = Session
S = TypeVar("S", bound="Snapshot")

_INDEX_CACHE = 256 * 1024 * 1024
_METADATA_CACHE = 64 * 1024 * 1024

DEFAULT_BATCH_ROWS = 128
"""Rows of a batch when each may weigh megabytes."""

_SCAN_OPTIONS: Mapping[str, Any] = {
    "batch_size_bytes": 8 * 1024 * 1024,
    "io_buffer_size": 64 * 1024 * 1024,
    "batch_readahead": 2,
    "fragment_readahead": 1,
}
"""Limits of memory for reading a whole table."""


def new_caches() -> Session:
    """Return empty caches of indexes and file metadata, which snapshots share."""
    return Session(index_cache_size_bytes=_INDEX_CACHE, metadata_cache_size_bytes=_METADATA_CACHE)


class Snapshot:
    """One version of a table. Every method raises LanceError when Lance fails.

    Args:
        location: of the table.
        dataset: Lance's object for this version.
        target_schema: the columns that the table is to have. One that this version lacks is read
            as null, and conditions must not name it.
    """

    def __init__(
        self, location: TableLocation, dataset: LanceDataset, target_schema: arrow.ArrowSchema
    ) -> None:
        self._location = location
        self._dataset = dataset
        self._target_schema = target_schema

    @classmethod
    def open(
        cls,
        location: TableLocation,
        target_schema: arrow.ArrowSchema,
        caches: Session,
        version: int | None = None,
    ) -> Self:
        """Open the newest version of a table, or the one given."""
        with lance_errors():
            dataset = lance.dataset(
                location.uri,
                version=version,
                session=caches,
                storage_options=location.options,
            )
            return cls(location, dataset, target_schema)

    @classmethod
    def create(cls, location: TableLocation, schema: arrow.ArrowSchema, caches: Session) -> Self:
        """Create an empty table."""
        return cls._create_empty(location, schema, caches, "create")

    @classmethod
    def overwrite(cls, location: TableLocation, schema: arrow.ArrowSchema, caches: Session) -> Self:
        """Add an empty version without indexes to a table that exists."""
        return cls._create_empty(location, schema, caches, "overwrite")

    @classmethod
    def _create_empty(
        cls,
        location: TableLocation,
        schema: arrow.ArrowSchema,
        caches: Session,
        mode: Literal["create", "overwrite"],
    ) -> Self:
        with lance_errors():
            made = lance.write_dataset(
                schema.empty_table(),
                location.uri,
                schema=schema,
                mode=mode,
                storage_options=location.options,
            )
        return cls.open(location, schema, caches, made.version)

    @property
    def version(self) -> int:
        """Number of this version."""
        return self._dataset.version

    def latest_version(self) -> int:
        """Return the number of the newest version, published or not."""
        with lance_errors():
            return self._dataset.latest_version

    def at_version(self, version: int) -> "Snapshot":
        """Return another version of the table."""
        with lance_errors():
            return Snapshot(
                self._location, self._dataset.checkout_version(version), self._target_schema
            )

    def reopen_as(self, kind: "type[S]") -> "S":
        """Return this version as a new object, of a subclass, that shares only the caches."""
        with lance_errors():
            session = self._dataset.session()
            return kind.open(self._location, self._target_schema, session, self.version)

    def count(self) -> int:
        """Return the number of rows."""
        with lance_errors():
            return self._dataset.count_rows()

    def select(
        self, columns: Sequence[str], where: str | None = None, *, row_ids: bool = False
    ) -> list[Row]:
        """Return the rows that match ``where``, in no particular order.

        Only for narrow columns: without an index for the condition, they are read in full.

        Args:
            columns: which columns.
            where: a condition in Lance's SQL; None for all rows.
            row_ids: whether to add ``_rowid``.
        """
        with lance_errors():
            return arrow.to_rows(
                self._dataset.to_table(columns=list(columns), filter=where, with_row_id=row_ids)
            )

    def take(
        self, row_ids: Sequence[int], columns: Sequence[str], as_bytes: Collection[str] = ()
    ) -> list[Row]:
        """Return the rows of these ids (of this very snapshot), in their order.

        Args:
            row_ids: values of ``_rowid``.
            columns: which columns.
            as_bytes: text columns whose values become UTF-8 bytes.
        """
        if not row_ids:
            return []
        with lance_errors():
            return arrow.to_rows(self.take_table(row_ids, columns), as_bytes)

    @property
    def analysis_version(self) -> int:
        """Analysis version of the table; without meaning for one not derived from an analysis."""
        return analysis_versions.version_of(self._dataset.schema)

    @property
    def schema(self) -> arrow.ArrowSchema:
        """Columns of this version, followed by those that it lacks."""
        return arrow.with_fields(self._dataset.schema, self.missing_fields())

    def missing_fields(self) -> list[arrow.ArrowField]:
        """Return the columns that the table is to have and this version lacks."""
        return arrow.missing_fields(self._dataset.schema, self._target_schema)

    def _split_columns(self, columns: Sequence[str]) -> tuple[list[str], list[arrow.ArrowField]]:
        """Return which of ``columns`` to read, and which this version lacks."""
        absent = [field for field in self.missing_fields() if field.name in columns]
        names = {field.name for field in absent}
        read = [name for name in columns if name not in names]
        # Lance returns no rows where it reads no column.
        return read or self._dataset.schema.names[:1] if absent else read, absent

    def stream(
        self,
        columns: Sequence[str],
        where: Any = None,
        *,
        rows: int = DEFAULT_BATCH_ROWS,
        row_ids: bool = False,
    ) -> Generator[arrow.ArrowBatch]:
        """Yield the rows that match ``where``, in table order, in batches of bounded bytes.

        Args:
            columns: which columns, in this order.
            where: an expression of pyarrow, or a condition in Lance's SQL; None for all rows.
            rows: most rows of a batch; the default suits columns of any width.
            row_ids: whether ``_rowid`` follows as the last column.
        """
        with lance_errors():
            there, absent = self._split_columns(columns)
            scanner = self._dataset.scanner(
                columns=there,
                filter=where,
                batch_size=rows,
                with_row_id=row_ids,
                **_SCAN_OPTIONS,
            )
            for batch in scanner.to_batches():
                yield arrow.with_nulls(batch, columns, absent) if absent else batch

    def take_table(self, row_ids: Sequence[int], columns: Sequence[str]) -> arrow.ArrowTable:
        """Return the rows of these ids, in their order, as an Arrow table."""
        with lance_errors():
            there, absent = self._split_columns(columns)
            # No public method takes row ids, and a filter reads wide columns in full.
            rows = self._dataset._take_rows(list(row_ids), there)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            return arrow.with_nulls(rows, columns, absent) if absent else rows

    def search(
        self,
        query: TextQuery,
        column: str,
        columns: Sequence[str],
        where: str | None,
        *,
        limit: int,
    ) -> list[Row]:
        """Return the best rows by BM25, with ``_score`` and ``_rowid``.

        Args:
            query: words and phrases to find.
            column: the column to search, which has a full-text index.
            columns: the columns to return.
            where: a condition on the rows, in Lance's SQL.
            limit: most rows to return.
        """
        with lance_errors():
            table = self._dataset.to_table(
                columns=[*columns, "_score"],
                full_text_query=full_text.to_lance_query(query, column),
                filter=where,
                prefilter=True,
                limit=limit,
                with_row_id=True,
            )
            return arrow.to_rows(table)

    def max_value(self, column: str, where: str | None = None) -> int | None:
        """Return the largest value of an integer column, None without rows."""
        with lance_errors():
            return arrow.max_value(self._dataset.to_table(columns=[column], filter=where), column)

    def values(self, column: str, fragments: Sequence[int]) -> list[int]:
        """Return the values of an integer column in these fragments, in order."""
        with lance_errors():
            pieces = [one for one in map(self._dataset.get_fragment, fragments) if one is not None]
            table = self._dataset.scanner(
                columns=[column], fragments=pieces, scan_in_order=True
            ).to_table()
            return table.column(column).to_pylist()

    def count_by(self, columns: Sequence[str]) -> list[Row]:
        """Return each combination of values, and as ``count_all`` the number of rows with it."""
        with lance_errors():
            return arrow.count_by(self._dataset.to_table(columns=list(columns)), columns)

    def prepare_merge(
        self, rows: arrow.ArrowTable, on: str, replace_when: str, *, use_index: bool
    ) -> PreparedWrite:
        """Write the files of a merge: new keys are inserted, existing rows may be replaced.

        Args:
            rows: at most one row a key.
            on: the key column.
            replace_when: a condition on ``source`` and ``target`` in Lance's SQL, for a row to be
                replaced.
            use_index: look keys up in the index: Lance then reads every column of each row outside
                of it. Otherwise it reads the key of every row.
        """
        with lance_errors():
            builder = (
                self._dataset.merge_insert(on)
                .when_matched_update_all(replace_when)
                .when_not_matched_insert_all()
                .use_index(use_index)
            )
            transaction, done = builder.conflict_retries(0).execute_uncommitted(rows)
        return PreparedWrite(
            transaction=transaction,
            inserted=done["num_inserted_rows"],
            updated=done["num_updated_rows"],
        )

    def prepare_delete(
        self, columns: Sequence[str], keys: Collection[tuple[Any, ...]]
    ) -> PreparedWrite:
        """Write the files of a deletion of all rows whose ``columns`` have one of these values.

        A null matches nothing. Where the only column has an index, Lance looks the keys up in it;
        otherwise it reads these columns of every row. There must be a key.
        """
        with lance_errors():
            rows = arrow.keys_table(self._target_schema, columns, keys)
            builder = self._dataset.merge_insert(list(columns)).when_matched_delete()
            return PreparedWrite(
                transaction=builder.conflict_retries(0).execute_uncommitted(rows)[0]
            )

    def prepare_append(self, rows: arrow.ArrowTable) -> PreparedWrite:
        """Write the files of additional rows."""
        with lance_errors():
            return PreparedWrite(
                transaction=write_fragments(
                    rows,
                    self._dataset,
                    mode="append",
                    return_transaction=True,
                    storage_options=self._location.options,
                )
            )

    def commit(self, pending: PreparedWrite) -> "Snapshot":
        """Commit a prepared write; return the new version, which is not published yet."""
        with lance_errors():
            return Snapshot(
                self._location,
                LanceDataset.commit(
                    self._dataset,
                    pending.transaction,
                    max_retries=0,
                    storage_options=self._location.options,
                ),
                self._target_schema,
            )

    def fragments(self) -> list[Fragment]:
        """Return the fragments of the table, in order."""
        with lance_errors():
            return [
                Fragment(
                    id=piece.fragment_id,
                    rows=piece.physical_rows,
                    deleted=piece.num_deletions,
                    size=sum(file.file_size_bytes or 0 for file in piece.data_files()),
                )
                for piece in self._dataset.get_fragments()
            ]

    def indexed_columns(self) -> set[str]:
        """Return the columns that have an index."""
        with lance_errors():
            return {
                name for index in self._dataset.describe_indices() for name in index.field_names
            }

    def index_state(self, column: str) -> IndexState:
        """Return which rows the index of ``column`` covers."""
        with lance_errors():
            found = self._dataset.stats.index_stats(index_name(column))
        return IndexState(
            segments=list(found["num_indexed_rows_per_delta"]),
            unindexed_rows=found["num_unindexed_rows"],
        )

    def unindexed_fragments(self, column: str) -> list[int]:
        """Return the ids of fragments outside the index of ``column``."""
        with lance_errors():
            indexed = {
                fragment
                for index in self._dataset.describe_indices()
                if index.name == index_name(column)
                for part in index.segments
                for fragment in part.fragment_ids
            }
        return [one.id for one in self.fragments() if one.id not in indexed]

    def prepare_compaction(self, keep: Sequence[int], rows: int, batch_rows: int) -> list[Any]:
        """Write the files of a compaction: rewrite fragments into fewer, larger ones.

        Args:
            keep: ids of fragments to leave alone.
            rows: rows of a new fragment.
            batch_rows: rows to hold in memory at a time.
        """
        options: Any = {
            "target_rows_per_fragment": rows,
            "excluded_fragment_ids": list(keep),
            "batch_size": batch_rows,
            "materialize_deletions_threshold": 0.0,
            "num_threads": 1,
        }
        with lance_errors():
            plan = Compaction.plan(self._dataset, options)
            return [task.execute(self._dataset) for task in plan.tasks]

    def is_id_reservation(self) -> bool:
        """Return whether this version only reserves ids of fragments, the first of a compaction."""
        with lance_errors():
            transaction = self._dataset.read_transaction(self.version)
        # pylance has a class for every operation but this one.
        return (
            transaction is not None and type(transaction.operation) is LanceOperation.BaseOperation
        )


def index_name(column: str) -> str:
    """Return the name of the index of ``column``."""
    return f"{column}_idx"
