"""``everlake send --wait``: until everything that was sent is ``COMPLETE``."""

import time
from collections.abc import Callable

from everlake.client.client import Client
from everlake.client.polling import BatchPoller, BatchProgress

_MIN_POLL_SECONDS, _MAX_POLL_SECONDS = 0.2, 10.0
_PRINT_INTERVAL = 5.0
_STALL_WARNING_SECONDS = 60.0
_STALL_TIMEOUT = 600.0


def wait_until_complete(
    client: Client, batch_ids: list[str], report: Callable[[str], None]
) -> list[str]:
    """Wait for the batches; the ids of those that are not ``COMPLETE`` in the end.

    It gives up when nothing has moved for ten minutes.

    Args:
        client: with the key that sent them.
        batch_ids: in the order in which they were sent.
        report: takes sentences on how far it is.

    Raises:
        ApiError: the key may not see them.
        Unreachable: the server does not answer any more.
    """
    follower = BatchPoller(client, batch_ids)
    patience = _StallDetector(report)
    while True:
        started = time.monotonic()
        standing = follower.poll()
        if not standing.unfinished or patience.has_timed_out(standing):
            return [*standing.failed, *standing.unfinished]
        took = time.monotonic() - started
        time.sleep(min(max(2 * took, _MIN_POLL_SECONDS), _MAX_POLL_SECONDS))


class _StallDetector:
    """Tells where batches hang, now and then, and when to wait no longer."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._report = tell
        self._reported_at = self._changed_at = time.monotonic()
        self._stall_reported = False
        self._last: BatchProgress | None = None

    def has_timed_out(self, standing: BatchProgress) -> bool:
        now = time.monotonic()
        if standing != self._last:
            self._last = standing
            self._changed_at = now
            self._stall_reported = False
        still = now - self._changed_at
        if still >= _STALL_WARNING_SECONDS and not self._stall_reported:
            self._stall_reported = True
            self._report(
                f"nothing has moved for {still:.0f} seconds: {_format_counts(standing)}; the oldest is "
                f"{standing.unfinished[0]}: is a worker running? everlake doctor says more"
            )
        elif now - self._reported_at >= _PRINT_INTERVAL and not self._stall_reported:
            self._reported_at = now
            self._report(f"waiting for {_format_counts(standing)}")
        return still >= _STALL_TIMEOUT


def _format_counts(standing: BatchProgress) -> str:
    counts = ", ".join(f"{count:,} {status}" for status, count in standing.counts.items())
    return f"{counts} of the batches"
