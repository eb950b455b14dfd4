"""Batches of workspaces that the database could not take together with others.

One of them may be locked for long, and the others should not wait for it: each workspace is tried
by itself, in turn and for a short time, until it works or the time of its batches is over.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from everlake.catalog.errors import CatalogError, CatalogInterrupted
from everlake.contract.errors import unavailable
from everlake.ingest.batch_commit import CommitOutcome, PendingCommit

_RETRY_PAUSE_SECONDS = 0.05

_Resolved = tuple[PendingCommit, CommitOutcome | Exception]


class IsolatedCommitter:
    """A thread that commits one workspace at a time.

    Args:
        commit: stores rows whose objects are stored, and says what became of each. It may be
            called again with the same after :class:`CatalogInterrupted`.
        tell: gives an outcome to who waits for it; fit to be called from any thread.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[PendingCommit]], Sequence[CommitOutcome]],
        deliver: Callable[[PendingCommit, CommitOutcome | Exception], None],
    ) -> None:
        self._commit = commit
        self._deliver = deliver
        self._pending: dict[str, list[PendingCommit]] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="admitter apart", daemon=True)

    def start(self) -> None:
        """Begin to take batches."""
        self._thread.start()

    def stop(self) -> None:
        """Bring what was taken to its outcome, then end."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def has_workspace(self, workspace_id: str) -> bool:
        """Whether batches of the workspace are here, so that further ones had better come too."""
        return workspace_id in self._pending

    def add(self, group: Iterable[PendingCommit]) -> None:
        """Take batches over; each comes to an outcome."""
        with self._changed:
            for waiting in group:
                workspace_id = waiting.batch.row.workspace_id
                self._pending.setdefault(workspace_id, []).append(waiting)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._stopping)
                workspaces = list(self._pending)
            if not workspaces:
                return
            for workspace_id in workspaces:
                self._commit_workspace(workspace_id)
            if self._pending:
                time.sleep(_RETRY_PAUSE_SECONDS)

    def _commit_workspace(self, workspace_id: str) -> None:
        with self._changed:
            group = list(self._pending[workspace_id])
        settled = self._commit_pending(group)
        gone = {id(waiting) for waiting, _ in settled}
        with self._changed:
            rest = [each for each in self._pending[workspace_id] if id(each) not in gone]
            if rest:
                self._pending[workspace_id] = rest
            else:
                del self._pending[workspace_id]
        for waiting, outcome in settled:
            self._deliver(waiting, outcome)

    def _commit_pending(self, group: Sequence[PendingCommit]) -> list[_Resolved]:
        """Those that need not be tried again, and what became of them."""
        left = [waiting for waiting in group if waiting.future.cancelled()]
        if left:
            refusal = unavailable("Nobody waits for it any more.")
            return [(waiting, refusal) for waiting in left]
        try:
            return list(zip(group, self._commit(group), strict=True))
        except CatalogInterrupted as error:
            # Late or not, each was tried once here: the try before may have stored it after all.
            now = time.monotonic()
            refusal = unavailable(str(error))
            return [(waiting, refusal) for waiting in group if now > waiting.deadline]
        except CatalogError as error:
            refusal = unavailable(str(error))
            return [(waiting, refusal) for waiting in group]
        except Exception as error:  # noqa: BLE001 - the thread must live, each caller must hear
            return [(waiting, error) for waiting in group]
