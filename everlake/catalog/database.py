"""Catalog database: the interface that SQLite and PostgreSQL implement."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar

from sqlalchemy import Connection

from everlake.catalog import leases, schema

__all__ = ["Catalog", "Connection"]

_CHECK_LEASE = "check/write"
"""Name of the row that :meth:`Catalog.check_writable` writes; nobody waits for that lease."""


class Catalog(ABC):
    """An open database. Every method may be called from any thread."""

    is_shared: ClassVar[bool]
    """Whether processes of other machines, with other versions of Everlake, may use it too."""

    def __init__(self) -> None:
        self._thread_state = threading.local()

    def upgrade(self) -> None:
        """Upgrade the schema to this program's. Of concurrent calls one does it, others wait.

        Raises:
            CatalogTooNew: a newer program has upgraded the database; nothing is changed.
            CatalogUnavailable: see :meth:`transaction`.
        """
        with self.transaction() as tx:
            schema.upgrade(tx)

    def is_empty(self) -> bool:
        """Return whether the database has no tables of Everlake yet.

        Raises:
            CatalogTooNew: a newer program has upgraded the database.
            CatalogUnavailable: see :meth:`snapshot`.
        """
        with self.snapshot() as tx:
            return schema.is_empty(tx)

    def check(self) -> None:
        """Check that the schema is the one this program needs.

        Raises:
            CatalogTooOld: :meth:`upgrade` is needed.
            CatalogTooNew: a newer program has upgraded the database.
            CatalogUnavailable: see :meth:`snapshot`.
        """
        with self.snapshot() as tx:
            schema.check(tx)

    def check_writable(self) -> None:
        """Check the schema as :meth:`check` does, and that the database takes a write.

        It commits one small row, so that a full disk and a read-only database are noticed.

        Raises:
            CatalogTooOld, CatalogTooNew: see :meth:`check`.
            CatalogUnavailable: see :meth:`transaction`.
        """
        with self.transaction() as tx:
            schema.check(tx)
            # The time makes each write differ: SQLite writes no page for the same row again.
            leases.acquire(tx, _CHECK_LEASE, owner="check", now=self.now_ms(), ttl_ms=0)

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Connection]:
        """Open a read-only transaction. All its statements see the state as of the first one.

        Raises:
            CatalogUnavailable: the database cannot answer now, or a statement tried to write.
        """

    @abstractmethod
    def autocommit(self) -> AbstractContextManager[Connection]:
        """Open a connection on which each statement is a transaction of its own.

        It suits a single read or a single write: PostgreSQL needs one round trip for it, and
        three for a transaction. In SQLite it is read-only.

        Raises:
            CatalogUnavailable: see :meth:`snapshot`.
        """

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """Open a transaction. Keep it short: in SQLite it holds the write lock from its start.

        When the block ends, the transaction is committed and synced to the disk. When an
        exception leaves the block, the transaction is rolled back.

        Raises:
            CatalogUnavailable: a lock was not free in time, the disk is full, ...
            RuntimeError: this thread has a transaction open already.
        """
        if getattr(self._thread_state, "in_transaction", False):
            raise RuntimeError(
                "a transaction inside a transaction would wait for itself: pass its connection on"
            )
        self._thread_state.in_transaction = True
        try:
            with self._transaction() as tx:
                yield tx
        finally:
            self._thread_state.in_transaction = False

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Connection]: ...

    @abstractmethod
    def change_counter(self) -> int:
        """Return a number that changes whenever any process changes a batch.

        It may also change without one.

        Raises:
            CatalogUnavailable: see :meth:`snapshot`.
        """

    @abstractmethod
    def now_ms(self) -> int:
        """Return the time in Unix milliseconds on the clock that all users of the database share.

        It is the server's clock in PostgreSQL, and this machine's in SQLite.
        """

    @abstractmethod
    def new_batch_id(self) -> str:
        """Return an id for a new batch, which contains the time on that clock."""

    @abstractmethod
    def close(self) -> None:
        """Close idle connections. Connections in use are closed when they are returned."""
