"""The database: opening it, reading a snapshot, writing a transaction."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar

from sqlalchemy import Connection

from everlake.catalog import schema

__all__ = ["Catalog", "Connection", "local_now_ms"]


class Catalog(ABC):
    """An open database. Every method may be called from any thread."""

    is_shared: ClassVar[bool]
    """Whether other machines may use it, with other versions of this program."""

    def __init__(self) -> None:
        self._thread_state = threading.local()

    def upgrade(self) -> None:
        """Bring the schema up to date. Of several at once, one does it and the others wait.

        Raises:
            CatalogTooNew: a newer program has been here; nothing is changed.
            CatalogUnavailable: see :meth:`write`.
        """
        with self.transaction() as tx:
            schema.upgrade(tx)

    def is_empty(self) -> bool:
        """Whether there are no tables of ours yet.

        Raises:
            CatalogTooNew: a newer program has been here.
            CatalogUnavailable: see :meth:`read`.
        """
        with self.snapshot() as tx:
            return schema.is_empty(tx)

    def check(self) -> None:
        """Return when the schema is the one this program needs.

        Raises:
            CatalogTooOld: :meth:`upgrade` is needed.
            CatalogTooNew: a newer program has been here.
            CatalogUnavailable: see :meth:`read`.
        """
        with self.snapshot() as tx:
            schema.check(tx)

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Connection]:
        """A read-only transaction: a snapshot as of its first statement.

        Raises:
            CatalogUnavailable: the database cannot answer now; also on an attempt to write.
        """

    @abstractmethod
    def autocommit(self) -> AbstractContextManager[Connection]:
        """Statements that each stand by themselves: to read one thing, or count one.

        On PostgreSQL one goes there and back once, where a transaction does three times.

        Raises:
            CatalogUnavailable: see :meth:`read`.
        """

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """A transaction: keep it short. With SQLite it holds the write lock from its start.

        When the block ends, it is committed and synced to the disk; when an exception leaves the
        block, nothing of it is stored.

        Raises:
            CatalogUnavailable: a lock was not free in time, the disk is full, ...
            RuntimeError: this thread is inside ``write()`` already.
        """
        if getattr(self._thread_state, "writes", False):
            raise RuntimeError("write() inside write() would wait for itself: pass tx on instead")
        self._thread_state.writes = True
        try:
            with self._transaction() as tx:
                yield tx
        finally:
            self._thread_state.writes = False

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Connection]: ...

    @abstractmethod
    def change_counter(self) -> int:
        """A number that differs from the last one when anybody, in any process, changed a batch.

        It may differ for no reason.

        Raises:
            CatalogUnavailable: see :meth:`read`.
        """

    @abstractmethod
    def now_ms(self) -> int:
        """Unix milliseconds on the one clock that all who share the database go by."""

    @abstractmethod
    def new_batch_id(self) -> str:
        """An id for a new batch, by that clock (:func:`everlake.contract.ids.new_batch_id`)."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections that are not in use; the others close when they are returned."""


def local_now_ms() -> int:
    """Unix milliseconds on this machine's clock."""
    return time.time_ns() // 1_000_000
