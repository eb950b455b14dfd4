"""One version of a Lance table: the whole of what Everlake uses of pylance, with types.

A :class:`Snapshot` never changes, so threads share it. What writes works on one of its own
and leaves a new one. Writing is in two steps, so that the caller can sync the data files before
the commit that makes them count.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
# pyright: reportMissingTypeArgument=false, reportMissingTypeStubs=false
# Reason: pylance's annotations name pyarrow's types, and pyarrow has none.

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal, TypeAlias

import lance
import pyarrow as pa
from lance import Session  # pyright: ignore[reportPrivateImportUsage]  (documented there)
from lance.dataset import LanceDataset, LanceOperation
from lance.fragment import write_fragments
from lance.optimize import Compaction

from everlake.model.utterances import TextQuery
from everlake.tables import analysis_versions, arrow, full_text
from everlake.tables.errors import LanceError
from everlake.tables.spec import IndexKind
from everlake.tables.types import Fragment, IndexState, PreparedWrite, TableLocation

Row: TypeAlias = dict[str, Any]
Caches: TypeAlias = Session

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
"""What a read of a whole table may hold at a time."""


def new_caches() -> Session:
    """Room for opened indices and file metadata, to be shared by snapshots."""
    return Session(index_cache_size_bytes=_INDEX_CACHE, metadata_cache_size_bytes=_METADATA_CACHE)


class Snapshot:
    """One version of the table at ``path``. Every method raises LanceFault when Lance fails.

    A column of ``form`` that this version does not have yet is read as null; a condition must
    not name it.
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
    ) -> "Snapshot":
        """The latest version, or the one named, of a table that is to have that form."""
        with _lance_errors():
            dataset = lance.dataset(
                location.uri,
                version=version,
                session=caches,
                storage_options=location.options,
            )
            return cls(location, dataset, target_schema)

    @classmethod
    def create(
        cls, location: TableLocation, schema: arrow.ArrowSchema, caches: Session
    ) -> "Snapshot":
        """A new table without rows."""
        return cls._create_empty(location, schema, caches, "create")

    @classmethod
    def overwrite(
        cls, location: TableLocation, schema: arrow.ArrowSchema, caches: Session
    ) -> "Snapshot":
        """A version without rows and indices, on top of whatever there is of a table."""
        return cls._create_empty(location, schema, caches, "overwrite")

    @classmethod
    def _create_empty(
        cls,
        location: TableLocation,
        schema: arrow.ArrowSchema,
        caches: Session,
        mode: Literal["create", "overwrite"],
    ) -> "Snapshot":
        with _lance_errors():
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
        """Which version of the table this is."""
        return self._dataset.version

    def latest_version(self) -> int:
        """The newest version there is, by whatever process, whether it counts or not."""
        with _lance_errors():
            return self._dataset.latest_version

    def at_version(self, version: int) -> "Snapshot":
        """Another version of the table."""
        with _lance_errors():
            return Snapshot(
                self._location, self._dataset.checkout_version(version), self._target_schema
            )

    def reopen(self) -> "Snapshot":
        """This version as an object of its own, for the methods that change theirs."""
        with _lance_errors():
            session = self._dataset.session()
            return self.open(self._location, self._target_schema, session, self.version)

    def count(self) -> int:
        """How many rows there are."""
        with _lance_errors():
            return self._dataset.count_rows()

    def select(
        self, columns: Sequence[str], where: str | None = None, *, row_ids: bool = False
    ) -> list[Row]:
        """Rows that ``where`` (Lance SQL) holds for, in no order; ``_rowid`` too if asked for.

        Only for narrow columns: where no index helps, every column named is read in full.
        """
        with _lance_errors():
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
        with _lance_errors():
            return arrow.to_rows(self.take_table(row_ids, columns), as_bytes)

    @property
    def analysis_version(self) -> int:
        """The analysis version of the table's rows; for a table without analysis, no meaning."""
        return analysis_versions.version_of(self._dataset.schema)

    @property
    def schema(self) -> arrow.ArrowSchema:
        """The columns of this version, those that it does not have yet at the end."""
        return arrow.with_fields(self._dataset.schema, self.missing_fields())

    def missing_fields(self) -> list[arrow.ArrowField]:
        """The columns that this version should have, and was made before they came."""
        return arrow.missing_fields(self._dataset.schema, self._target_schema)

    def add_columns(self, fields: Sequence[arrow.ArrowField]) -> None:
        """Add columns that are null in every row: no data file is written.

        Changes this snapshot into the version that has them.
        """
        with _lance_errors():
            self._dataset.add_columns(list(fields))

    def _split_columns(self, columns: Sequence[str]) -> tuple[list[str], list[arrow.ArrowField]]:
        """What to read for ``columns``, and those that are not there to be read."""
        absent = [field for field in self.missing_fields() if field.name in columns]
        names = {field.name for field in absent}
        read = [name for name in columns if name not in names]
        # without a column there would be no rows
        return read or self._dataset.schema.names[:1] if absent else read, absent

    def stream(
        self,
        columns: Sequence[str],
        where: Any = None,
        *,
        rows: int = DEFAULT_BATCH_ROWS,
        row_ids: bool = False,
    ) -> Generator[arrow.ArrowBatch]:
        """The rows that ``where`` holds for, in order, in batches that stay small in bytes too.

        Args:
            columns: which columns, in this order.
            where: an expression of pyarrow.
            rows: most rows of a batch; the default suits columns of any width.
            row_ids: whether ``_rowid`` follows as a last column.
        """
        with _lance_errors():
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
        """As :meth:`take`, in Arrow's form."""
        with _lance_errors():
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
        with _lance_errors():
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
        """The largest value of an integer column."""
        with _lance_errors():
            return arrow.max_value(self._dataset.to_table(columns=[column], filter=where), column)

    def values(self, column: str, fragments: Sequence[int]) -> list[int]:
        """The values of an integer column in these fragments, in order."""
        with _lance_errors():
            pieces = [one for one in map(self._dataset.get_fragment, fragments) if one is not None]
            table = self._dataset.scanner(
                columns=[column], fragments=pieces, scan_in_order=True
            ).to_table()
            return table.column(column).to_pylist()

    def count_by(self, columns: Sequence[str]) -> list[Row]:
        """How many rows have each combination of values, as ``count_all`` beside them."""
        with _lance_errors():
            return arrow.count_by(self._dataset.to_table(columns=list(columns)), columns)

    def prepare_merge(
        self, rows: arrow.ArrowTable, on: str, replace_when: str, *, use_index: bool
    ) -> PreparedWrite:
        """Insert rows whose key is new, replace those for which ``replace_when`` holds.

        With the index of the key, Lance reads every column of each row that is not in it yet;
        without, the key of every row.
        """
        with _lance_errors():
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
        """Delete every row whose values of ``columns`` are one of ``keys``, at least one.

        A null matches nothing. Where the only column has an index, Lance looks the keys up in it;
        otherwise it reads these columns of every row.
        """
        with _lance_errors():
            rows = arrow.keys_table(self._target_schema, columns, keys)
            builder = self._dataset.merge_insert(list(columns)).when_matched_delete()
            return PreparedWrite(
                transaction=builder.conflict_retries(0).execute_uncommitted(rows)[0]
            )

    def prepare_append(self, rows: arrow.ArrowTable) -> PreparedWrite:
        """Add rows, whatever is there."""
        with _lance_errors():
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
        """Make prepared files count: the new version of the table."""
        with _lance_errors():
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
        """The table's pieces, in order."""
        with _lance_errors():
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
        """Columns that have an index."""
        with _lance_errors():
            return {
                name for index in self._dataset.describe_indices() for name in index.field_names
            }

    def index_state(self, column: str) -> IndexState:
        """How far the index of ``column`` has come."""
        with _lance_errors():
            found = self._dataset.stats.index_stats(_index_name(column))
        return IndexState(
            segments=list(found["num_indexed_rows_per_delta"]),
            unindexed_rows=found["num_unindexed_rows"],
        )

    def unindexed_fragments(self, column: str) -> list[int]:
        """Ids of fragments that are in no part of the index of ``column``."""
        with _lance_errors():
            indexed = {
                fragment
                for index in self._dataset.describe_indices()
                if index.name == _index_name(column)
                for part in index.segments
                for fragment in part.fragment_ids
            }
        return [one.id for one in self.fragments() if one.id not in indexed]

    def create_index(self, column: str, kind: IndexKind) -> None:
        """Index ``column``. Changes this snapshot into the version that has it."""
        options = full_text.INDEX_OPTIONS if kind == "INVERTED" else {}
        with _lance_errors():
            self._dataset.create_scalar_index(column, kind, name=_index_name(column), **options)

    def extend_index(self, column: str, segments: int) -> None:
        """Take rows in no part, and the newest ``segments`` parts, together into a new part.

        Changes this snapshot into the version that has it.
        """
        with _lance_errors():
            self._dataset.optimize.optimize_indices(
                index_names=[_index_name(column)], num_indices_to_merge=segments
            )

    def prepare_compaction(self, keep: Sequence[int], rows: int, batch_rows: int) -> list[Any]:
        """Rewrite fragments but those of ``keep`` into ones of ``rows`` rows, uncommitted.

        Args:
            keep: ids of fragments to leave alone.
            rows: how large a fragment shall become.
            batch_rows: how many rows to hold in memory at a time.
        """
        options: Any = {
            "target_rows_per_fragment": rows,
            "excluded_fragment_ids": list(keep),
            "batch_size": batch_rows,
            "materialize_deletions_threshold": 0.0,
            "num_threads": 1,
        }
        with _lance_errors():
            plan = Compaction.plan(self._dataset, options)
            return [task.execute(self._dataset) for task in plan.tasks]

    def commit_compaction(self, rewrites: Sequence[Any]) -> int:
        """Make rewritten fragments count; how many they replaced.

        Changes this snapshot into the new version.
        """
        with _lance_errors():
            return Compaction.commit(self._dataset, list(rewrites)).fragments_removed

    def remove_old_versions(
        self, older_than: timedelta, *, keep: int | None = None, unverified: bool = False
    ) -> int:
        """Delete versions of that age, and files only they use; how many versions.

        Args:
            keep: leave so many of the newest, however old they are.
            unverified: delete also files that no version knows, which may be somebody's work.
        """
        with _lance_errors():
            return self._dataset.cleanup_old_versions(
                older_than=older_than, retain_versions=keep, delete_unverified=unverified
            ).old_versions

    def is_id_reservation(self) -> bool:
        """Whether this version was made only to reserve the ids that a compaction then uses."""
        with _lance_errors():
            made_by = self._dataset.read_transaction(self.version)
        # An operation for which the engine has no name in Python; it has one for all the others.
        return made_by is not None and type(made_by.operation) is LanceOperation.BaseOperation

    def restore(self) -> None:
        """Make this version the newest. Changes this snapshot into the one that it becomes."""
        with _lance_errors():
            self._dataset.restore()


def _index_name(column: str) -> str:
    return f"{column}_idx"


@contextmanager
def _lance_errors() -> Generator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, pa.ArrowException) as error:
        raise LanceError(str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what a panic in Lance's Rust becomes
            raise
        raise LanceError(str(error)) from error
