"""Isolated commit: retries the batches of one workspace by themselves.

A group commit can be interrupted because one of its workspaces is locked for long. So that the
others do not wait for it, each workspace is then committed by itself, in turn and with a short
wait for locks, until its commit succeeds or the deadlines of its batches have passed.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from everlake.catalog.errors import CatalogError, CatalogInterrupted
from everlake.contract.errors import unavailable
from everlake.ingest.types import CommitOutcome, PendingCommit

_RETRY_PAUSE_SECONDS = 0.05

_Resolved = tuple[PendingCommit, CommitOutcome | Exception]


class IsolatedCommitter:
    """Commits one workspace at a time, on a thread of its own.

    Args:
        commit: inserts the rows of batches whose objects are stored, and returns their outcomes.
            After :class:`CatalogInterrupted` it is called again with the same batches.
        deliver: takes the outcome of a batch; called on this thread.
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
        self._thread = threading.Thread(target=self._run, name="isolated-commit", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Deliver an outcome for each pending batch, then end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def has_workspace(self, workspace_id: str) -> bool:
        """Return whether batches of the workspace are pending; later ones then belong here too."""
        return workspace_id in self._pending

    def add(self, group: Iterable[PendingCommit]) -> None:
        """Take over batches; an outcome is delivered for each."""
        with self._changed:
            for pending in group:
                workspace_id = pending.batch.row.workspace_id
                self._pending.setdefault(workspace_id, []).append(pending)
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
        resolved = self._commit_pending(group)
        resolved_ids = {id(pending) for pending, _ in resolved}
        with self._changed:
            rest = [each for each in self._pending[workspace_id] if id(each) not in resolved_ids]
            if rest:
                self._pending[workspace_id] = rest
            else:
                del self._pending[workspace_id]
        for pending, outcome in resolved:
            self._deliver(pending, outcome)

    def _commit_pending(self, group: Sequence[PendingCommit]) -> list[_Resolved]:
        """Return the batches that need no further attempt, with their outcomes."""
        cancelled = [pending for pending in group if pending.future.cancelled()]
        if cancelled:
            failure = unavailable("The request was cancelled.")
            return [(pending, failure) for pending in cancelled]
        try:
            return list(zip(group, self._commit(group), strict=True))
        except CatalogInterrupted as error:
            # The deadline counts only after an attempt: the group commit that was interrupted may
            # have stored the batch after all, and an attempt finds it.
            now = time.monotonic()
            failure = unavailable(str(error))
            return [(pending, failure) for pending in group if now > pending.deadline]
        except CatalogError as error:
            failure = unavailable(str(error))
            return [(pending, failure) for pending in group]
        except Exception as error:  # noqa: BLE001 - the thread must go on, each request must end
            return [(pending, error) for pending in group]
