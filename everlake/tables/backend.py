"""Interface of a table backend: a directory on disks, or a bucket."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from contextlib import AbstractContextManager

from everlake.tables.errors import LakeError, LanceError
from everlake.tables.snapshot import Caches, Snapshot
from everlake.tables.spec import TableSpec
from everlake.tables.working_snapshot import WorkingSnapshot


class VersionStore(ABC):
    """Version store of one table: its current version, and publishing the next one.

    Threads of a process take turns to write, and read at any time.
    """

    prepared: bool = False
    """Whether this process has completed what a dead writer may have left incomplete."""

    @property
    @abstractmethod
    def uri(self) -> str:
        """Path or URL of the table."""

    @abstractmethod
    def exists(self) -> bool:
        """Return whether there is a table.

        Raises:
            LakeUnavailable
        """

    @abstractmethod
    def is_lost(self) -> bool:
        """Return whether files are gone of a table that is known to have some.

        Raises:
            LakeUnavailable
        """

    @abstractmethod
    def latest(self) -> Snapshot:
        """Return the current version, which readers are to use.

        Raises:
            TableNotFound, LanceError, LakeUnavailable
        """

    @abstractmethod
    def invalidate(self) -> None:
        """Drop everything cached: another table may have taken the place of this one."""

    @abstractmethod
    def exclusive(self) -> AbstractContextManager[None]:
        """Keep other writers away for the length of a block, where the backend has a lock.

        Raises:
            OSError: another writer held the lock for too long.
        """

    @abstractmethod
    def checkout(self) -> Snapshot:
        """Return the version to write upon. Creates the table where there is none.

        Unpublished versions of earlier writers are set aside first.

        Raises:
            LanceError, LakeUnavailable, OSError
        """

    @abstractmethod
    def sync(self, folders: Collection[str]) -> None:
        """Make new files in these folders of the table survive a power loss.

        Raises:
            OSError
        """

    @abstractmethod
    def publish(self, snapshot: Snapshot, base: Snapshot) -> None:
        """Make ``snapshot``, which was written upon ``base``, the current version.

        Raises:
            LakeUnavailable: another writer came first; ``snapshot`` is not current.
            OSError
        """

    @abstractmethod
    def finish(self, snapshot: Snapshot) -> None:
        """End a write, after which ``snapshot`` is the current version."""

    @abstractmethod
    def has_unpublished_versions(self) -> bool:
        """Return whether readers would find a version that was never published.

        Raises:
            LakeUnavailable
        """

    @abstractmethod
    def remove_old_versions(self) -> int:
        """Remove versions that nobody reads any more, if there are many; return how many.

        Raises:
            LanceError, LakeUnavailable, OSError
        """

    @abstractmethod
    def remove_other_versions(self, snapshot: WorkingSnapshot) -> None:
        """Remove everything that ``snapshot``, the current version, does not use.

        Nobody else may use the table.

        Raises:
            LanceError
        """

    @abstractmethod
    def classify(self, error: LanceError) -> LakeError:
        """Return the error to raise to callers, whose message says what to do."""


class TableSet(ABC):
    """Table set of a workspace, and replacing it as a whole.

    The next set is filled beside the current one, as the *staged* set, together with a checkpoint
    of its maker. Readers see all tables of the old set or all of the new one.
    """

    @property
    @abstractmethod
    def uri(self) -> str:
        """Path or URL of the current set."""

    @property
    @abstractmethod
    def staged_uri(self) -> str:
        """Path or URL of the staged set."""

    @abstractmethod
    def acquire_staging(self) -> None:
        """Start to make the next set, one process at a time; finish a swap that was cut off.

        Raises:
            OSError
            LakeUnavailable: another process makes it.
        """

    @abstractmethod
    def release_staging(self) -> None:
        """Let other processes make the next set.

        Raises:
            CatalogUnavailable
        """

    @abstractmethod
    def create_staged(self) -> None:
        """Create an empty staged set.

        Raises:
            OSError, LakeUnavailable
        """

    @abstractmethod
    def drop_staged(self) -> None:
        """Remove the staged set.

        Raises:
            OSError, LakeUnavailable
        """

    @abstractmethod
    def free_bytes(self) -> int | None:
        """Return the free bytes for the staged set; None where there is no limit."""

    @abstractmethod
    def save_checkpoint(self, checkpoint: bytes) -> None:
        """Store the maker's checkpoint durably with the staged set.

        Raises:
            OSError, CatalogUnavailable, LakeUnavailable
        """

    @abstractmethod
    def checkpoint(self) -> bytes | None:
        """Return the checkpoint of the staged set, None where there is none."""

    @abstractmethod
    def swapped_checkpoint(self) -> bytes | None:
        """Return the checkpoint of the current set, until :meth:`remove_replaced` after a swap."""

    @abstractmethod
    def backup_uri(self) -> str:
        """Return where the current set can be kept once another has replaced it."""

    @abstractmethod
    def swap(self, keep_as: str | None = None) -> None:
        """Replace the current set by the staged one. Nobody may write to either.

        Args:
            keep_as: a result of :meth:`backup_uri`, to keep the replaced set there.

        Raises:
            OSError, LakeUnavailable: it happened as a whole or not at all; :meth:`acquire_staging`
                completes it.
        """

    @abstractmethod
    def remove_replaced(self) -> None:
        """Remove a replaced set, or move it to where it is kept.

        Raises:
            OSError, LakeUnavailable
        """


class TableBackend(ABC):
    """Table backend: the tables of all workspaces in one storage."""

    @abstractmethod
    def version_store(self, workspace_id: str, spec: TableSpec, caches: Caches) -> VersionStore:
        """Return the version store of a table.

        Raises:
            ValueError: the workspace id cannot be part of a path.
        """

    @abstractmethod
    def table_set(self, workspace_id: str) -> TableSet:
        """Return the table set of a workspace.

        Raises:
            ValueError: the workspace id cannot be part of a path.
        """

    @abstractmethod
    def staged(self) -> "TableBackend":
        """Return the backend whose tables are the staged sets of this one."""
