"""Request slots: bounds the requests that a workspace has open at a time."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from everlake.contract.errors import ErrorCode, WireError

MAX_OPEN_REQUESTS = 256
"""Most open requests of a workspace in one process, event streams included."""
_RETRY_SECONDS = 1.0


class RequestSlots:
    """Open requests of each workspace in this process."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def hold(self, workspace_id: str) -> Generator[None]:
        """Hold a slot of a workspace for the length of a block.

        Raises:
            WireError: ``RATE_LIMITED`` when the workspace has too many requests open.
        """
        if self._open[workspace_id] >= MAX_OPEN_REQUESTS:
            raise WireError(
                ErrorCode.RATE_LIMITED,
                f"The workspace has {MAX_OPEN_REQUESTS} requests open: wait for some to end.",
                retry_after=_RETRY_SECONDS,
            )
        self._open[workspace_id] += 1
        try:
            yield
        finally:
            self._open[workspace_id] -= 1
            if not self._open[workspace_id]:
                del self._open[workspace_id]
