"""What the lake asks of where its tables lie: a directory on disks, or a bucket."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from contextlib import AbstractContextManager
from datetime import timedelta

from everlake.tables.errors import LakeError, LanceError
from everlake.tables.snapshot import Caches, Snapshot
from everlake.tables.spec import TableSpec

VERSION_RETENTION = timedelta(minutes=10)
CLEANUP_THRESHOLD = 64
"""So many versions older than :data:`KEEP_VERSIONS` are worth a clean-up."""


class VersionStore(ABC):
    """The versions of one table: which of them counts, and how the next one comes to count.

    Threads of a process take turns at writing, and read beside it.
    """

    prepared: bool = False
    """Whether, since it was opened, what a dead writer may have left of it was finished."""

    @property
    @abstractmethod
    def uri(self) -> str:
        """The table's place, a path or a URL."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether there is anything of the table.

        Raises:
            LakeUnavailable
        """

    @abstractmethod
    def latest(self) -> Snapshot:
        """The version that readers are to see.

        Raises:
            NoTable, LanceFault, LakeUnavailable
        """

    @abstractmethod
    def invalidate(self) -> None:
        """Open everything anew the next time: what is remembered may be of another table."""

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[None]:
        """As far as the place can, keep every other writer away for the length of a block.

        Raises:
            OSError: somebody writes, and for long.
        """

    @abstractmethod
    def checkout(self) -> Snapshot:
        """The version to write upon; a table is made where there is none.

        What a writer left that did not come to its end does not count, and is out of the way.

        Raises:
            LanceFault, LakeUnavailable, OSError
        """

    @abstractmethod
    def sync(self, folders: Collection[str]) -> None:
        """Get what is new in these folders of the table to where it survives a loss of power.

        Raises:
            OSError
        """

    @abstractmethod
    def publish(self, snapshot: Snapshot, base: Snapshot) -> None:
        """Let ``snapshot``, which was made ``base`` the version that counted, be the one to count.

        Raises:
            LakeUnavailable: another writer came between; ``snapshot`` does not count.
            OSError
        """

    @abstractmethod
    def finish(self, snapshot: Snapshot) -> None:
        """Called when a writer has come to its end: ``snapshot`` is the latest."""

    @abstractmethod
    def has_unpublished_versions(self) -> bool:
        """Whether a version that does not, or not yet, count stands in readers' way.

        Raises:
            LakeUnavailable
        """

    @abstractmethod
    def remove_old_versions(self) -> int:
        """Delete versions nobody reads any more, where there are many; how many.

        Raises:
            LanceFault, LakeUnavailable, OSError
        """

    @abstractmethod
    def remove_other_versions(self, snapshot: Snapshot) -> None:
        """Delete what is not of ``snapshot``, the latest version. Nobody else may use the table.

        Raises:
            LanceFault
        """

    @abstractmethod
    def classify(self, error: LanceError) -> LakeError:
        """What a fault means to whoever uses the table, and what to do."""


class TableSet(ABC):
    """A workspace's tables, and how the next set of them takes their place.

    The next set is :attr:`staged` while it is made, and its maker keeps notes with it. Readers
    find the old tables or the new ones, whole.
    """

    @property
    @abstractmethod
    def uri(self) -> str:
        """Where the set of tables lies that serves."""

    @property
    @abstractmethod
    def staged_uri(self) -> str:
        """Where the next set lies."""

    @abstractmethod
    def recover(self) -> None:
        """Finish a swap that was cut off half way; wait for one that is under way.

        Called first by whoever makes the next set, and :meth:`leave` at the end: one at a time.

        Raises:
            OSError, LakeUnavailable
        """

    @abstractmethod
    def create_staged(self) -> None:
        """Make room for the next set of tables.

        Raises:
            OSError, LakeUnavailable
        """

    @abstractmethod
    def free_bytes(self) -> int | None:
        """Free bytes where the next set lies; None where there is no end of them."""

    @abstractmethod
    def save_checkpoint(self, checkpoint: bytes) -> None:
        """Keep the maker's notes with the next set of tables, durably.

        Raises:
            StorageUnavailable, CatalogUnavailable, LakeUnavailable
        """

    @abstractmethod
    def checkpoint(self) -> bytes | None:
        """The notes of the next set of tables, while it is being made."""

    @abstractmethod
    def swapped_checkpoint(self) -> bytes | None:
        """The notes of the set that serves, if a swap has been made and not cleaned up after."""

    @abstractmethod
    def backup_uri(self) -> str:
        """Where the tables that serve could be kept when others have taken their place."""

    @abstractmethod
    def swap(self, keep_as: str | None = None) -> None:
        """Put the next set of tables in the place of the one that serves.

        No one may write to either.

        Args:
            keep_as: keep the old ones there, as :meth:`where_to_keep` has said.

        Raises:
            OSError, LakeUnavailable: nothing, or all of it, has happened; :meth:`settle` finds out.
        """

    @abstractmethod
    def remove_replaced(self) -> None:
        """Put away what a swap has replaced.

        Raises:
            OSError, LakeUnavailable
        """

    @abstractmethod
    def release(self) -> None:
        """Let another make the next set of tables.

        Raises:
            CatalogUnavailable
        """

    @abstractmethod
    def drop_staged(self) -> None:
        """Remove what was made of the next tables.

        Raises:
            OSError, LakeUnavailable
        """


class TableBackend(ABC):
    """Where the tables of all workspaces lie."""

    @abstractmethod
    def version_store(self, workspace_id: str, spec: TableSpec, caches: Caches) -> VersionStore:
        """Those of one table.

        Raises:
            ValueError: the workspace's id could not be part of a path.
        """

    @abstractmethod
    def table_set(self, workspace_id: str) -> TableSet:
        """The place of a workspace's tables.

        Raises:
            ValueError: the id could not be part of a path.
        """

    @abstractmethod
    def staged(self) -> "TableBackend":
        """Where the tables lie that are to take the place of those here."""
