"""Table as a pyarrow dataset, for engines such as DuckDB that push projections and filters down."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportUntypedBaseClass=false
# pyright: reportMissingTypeStubs=false
# Reason: pyarrow has neither annotations nor stubs.

from collections.abc import Generator, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from everlake.tables import arrow
from everlake.tables.errors import LakeError, LanceError
from everlake.tables.table import Table


class TableDataset(ds.Dataset):
    """Dataset of the current version of a table; a table that does not exist has no rows.

    Attributes:
        failure: the error that ended a read, since the engine wraps it in an error of its own.

    Raises:
        LakeUnavailable, LakeDamaged
    """

    def __init__(self, table: Table) -> None:  # not super().__init__(): pyarrow's forbids it
        self._table = table
        self._snapshot = table.latest()
        self._schema = table.spec.schema if self._snapshot is None else self._snapshot.schema
        self._not_pushed_down = {
            one.name for one in self._schema if pa.types.is_large_string(one.type)
        }
        """Columns without filters in Lance: large texts, and those that the table lacks."""
        if self._snapshot is not None:
            self._not_pushed_down.update(one.name for one in self._snapshot.missing_fields())
        self.failure: LakeError | None = None

    @property
    def schema(self) -> arrow.ArrowSchema:
        """Columns of the table."""
        return self._schema

    def scanner(
        self,
        columns: Sequence[str] | None = None,
        filter: Any = None,  # noqa: A002 - pyarrow's name
    ) -> Any:
        """Return a scanner over ``columns`` (None for all) of the rows that match ``filter``."""
        names = self._schema.names if columns is None else list(columns)
        schema = pa.schema([self._schema.field(name) for name in names])
        return BatchScanner(schema, self._batches(names, filter))

    def _batches(self, columns: Sequence[str], where: Any) -> Generator[arrow.ArrowBatch]:
        if self._snapshot is None:
            return
        try:
            if where is None or not self._columns_in(where) & self._not_pushed_down:
                yield from self._snapshot.stream(columns, where)
                return
            needed = [*columns, *(self._columns_in(where) - set(columns))]
            for batch in self._snapshot.stream(needed):
                yield batch.filter(where).select(columns)
        except LanceError as error:
            self.failure = self._table.classify_failure(self._snapshot, error)
            raise self.failure from error

    def _columns_in(self, condition: Any) -> set[str]:
        """Return the columns in a condition, and perhaps more: values may contain their names."""
        text = str(condition)
        return {name for name in self._schema.names if name in text}


class BatchScanner:
    """Scanner with the one method that engines call. pyarrow's own would read far ahead."""

    def __init__(self, schema: arrow.ArrowSchema, batches: Iterator[arrow.ArrowBatch]) -> None:
        self._schema = schema
        self._batches = batches

    def to_reader(self) -> Any:
        """Return the rows as a stream of batches, which can be read once."""
        return pa.RecordBatchReader.from_batches(self._schema, self._batches)
