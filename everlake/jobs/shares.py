"""Shares: which workspace's job a worker does next."""

from collections import Counter
from collections.abc import Iterable


class WorkspaceShares:
    """Time that jobs of one kind have taken, by workspace.

    The workspace with the fewest running jobs comes first, and among equals the one whose jobs have
    taken the least time, so that a few slow jobs of one do not hold up many quick ones of another.
    A workspace that had no jobs for a while has saved nothing: its time begins at that of the job
    that was begun last (start-time fair queueing, Goyal, Vin and Cheng 1996).
    """

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self._least = 0.0

    def order(self, workspaces: Iterable[str]) -> list[str]:
        """Return workspaces in the order in which they come next."""
        return sorted(workspaces, key=lambda one: (self._running[one], self._begins_at(one), one))

    def begin(self, workspace_id: str) -> None:
        """Count jobs of that workspace that begin together."""
        self._least = self._begins_at(workspace_id)
        self._running[workspace_id] += 1
        # What is not above the least time says nothing.
        self._seconds = {one: used for one, used in self._seconds.items() if used > self._least}

    def end(self, workspace_id: str, seconds: float) -> None:
        """Count the time of jobs that have ended."""
        self._seconds[workspace_id] = self._begins_at(workspace_id) + seconds
        self._running -= Counter([workspace_id])

    def _begins_at(self, workspace_id: str) -> float:
        return max(self._least, self._seconds.get(workspace_id, 0.0))
