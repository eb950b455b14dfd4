"""A table as a dataset of pyarrow: for engines that read one and push work down into it."""
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
    """The latest version of a table as it is now; a table that is not there yet has no rows.

    An engine wraps what goes wrong in an error of its own, so it stands in ``failed`` as well.

    Raises:
        LakeUnavailable, LakeDamaged
    """

    def __init__(self, table: Table) -> None:  # the class above forbids its own
        self._table = table
        self._snapshot = table.latest()
        self._schema = table.spec.schema if self._snapshot is None else self._snapshot.schema
        self._not_pushed_down = {
            one.name for one in self._schema if pa.types.is_large_string(one.type)
        }
        """Columns that Lance takes no condition on: long texts, and ones it does not have yet."""
        if self._snapshot is not None:
            self._not_pushed_down.update(one.name for one in self._snapshot.missing_fields())
        self.failure: LakeError | None = None

    @property
    def schema(self) -> arrow.ArrowSchema:
        """The table's columns."""
        return self._schema

    def scanner(
        self,
        columns: Sequence[str] | None = None,
        filter: Any = None,  # noqa: A002 - pyarrow's name
    ) -> Any:
        """A reading of these columns (all when None) of the rows for which ``filter`` holds."""
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
        except LanceError as fault:
            self.failure = self._table.classify_failure(self._snapshot, fault)
            raise self.failure from fault

    def _columns_in(self, condition: Any) -> set[str]:
        """Columns that a condition names. A value that reads like one only costs time."""
        text = str(condition)
        return {name for name in self._schema.names if name in text}


class BatchScanner:
    """What an engine asks of a scanner of pyarrow. That one would read far ahead."""

    def __init__(self, schema: arrow.ArrowSchema, batches: Iterator[arrow.ArrowBatch]) -> None:
        self._schema = schema
        self._batches = batches

    def to_reader(self) -> Any:
        """The rows as a stream of batches, read once."""
        return pa.RecordBatchReader.from_batches(self._schema, self._batches)
