"""``everlake send --wait``: waits until all batches are ``COMPLETE``."""

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
    """Wait for batches, and return the ids of those that are not ``COMPLETE`` at the end.

    The wait ends early when no batch has made progress for ten minutes.

    Args:
        client: with the key that sent the batches.
        batch_ids: in the order in which they were sent.
        report: takes messages on the progress.

    Raises:
        ApiError: the key may not see the batches.
        Unreachable: the server does not answer.
    """
    poller = BatchPoller(client, batch_ids)
    detector = _StallDetector(report)
    while True:
        started = time.monotonic()
        progress = poller.poll()
        if not progress.unfinished or detector.has_timed_out(progress):
            return [*progress.failed, *progress.unfinished]
        took = time.monotonic() - started
        time.sleep(min(max(2 * took, _MIN_POLL_SECONDS), _MAX_POLL_SECONDS))


class _StallDetector:
    """Reports the progress of batches from time to time, and recognises that there is none."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._reported_at = self._changed_at = time.monotonic()
        self._stall_reported = False
        self._last: BatchProgress | None = None

    def has_timed_out(self, progress: BatchProgress) -> bool:
        """Report the progress if it is time to, and return whether to stop waiting."""
        now = time.monotonic()
        if progress != self._last:
            self._last = progress
            self._changed_at = now
            self._stall_reported = False
        stalled = now - self._changed_at
        if stalled >= _STALL_WARNING_SECONDS and not self._stall_reported:
            self._stall_reported = True
            self._report(
                f"no progress for {stalled:.0f} seconds: {_format_counts(progress)}; the oldest is "
                f"{progress.unfinished[0]}. Is a worker running? See everlake doctor"
            )
        elif now - self._reported_at >= _PRINT_INTERVAL and not self._stall_reported:
            self._reported_at = now
            self._report(f"waiting for {_format_counts(progress)}")
        return stalled >= _STALL_TIMEOUT


def _format_counts(progress: BatchProgress) -> str:
    counts = ", ".join(f"{count:,} {status}" for status, count in progress.counts.items())
    return f"batches: {counts}"
