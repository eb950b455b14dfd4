"""Lake: the derived tables of all workspaces, and a repository for each of them."""

from collections.abc import Callable

from everlake.lake.arrivals import ArrivalRepository
from everlake.lake.derived_tables import DERIVED_TABLES
from everlake.lake.records import RecordRepository
from everlake.lake.utterances import UtteranceRepository
from everlake.tables.backend import TableBackend
from everlake.tables.engine import TableEngine
from everlake.tables.registry import Registry
from everlake.tables.spec import TableSpec


def _expect_none(_: str, __: TableSpec) -> bool:
    return False


class Lake:
    """The derived tables of all workspaces. Threads may share it.

    Everything in the tables can be derived again from the landing archive and the catalog. They
    are plain Lance tables: anything that reads Lance can read them.

    Args:
        backend: where the tables are.
        registry: which tables there are.
        is_expected: whether a table of a workspace must exist, since batches are in it: see
            :mod:`everlake.lake.expected_tables`. Without it, none must.

    Attributes:
        registry: the derived tables.
        engine: the tables themselves, for what is done to all of them alike.
        records: the current version of each record.
        arrivals: which batches brought which records.
        utterances: what is said in records and attachments.
    """

    def __init__(
        self,
        backend: TableBackend,
        registry: Registry = DERIVED_TABLES,
        is_expected: Callable[[str, TableSpec], bool] = _expect_none,
    ) -> None:
        self._backend = backend
        self.registry = registry
        self.engine = TableEngine(backend, registry.specs, is_expected)
        self.records = RecordRepository(self.engine)
        self.arrivals = ArrivalRepository(self.engine)
        self.utterances = UtteranceRepository(self.engine, self.records)

    def staged(self) -> "Lake":
        """Return the lake whose tables are to replace those of this one."""
        return Lake(self._backend.staged(), self.registry)
