"""``everlake send --wait``: until everything that was sent is ``COMPLETE``."""

import time
from collections.abc import Callable

from everlake.client.client import Client
from everlake.client.follow import Follower, Standing

_SHORTEST_LOOK, _LONGEST_LOOK = 0.2, 10.0
_TELL_SECONDS = 5.0
_STILL_SECONDS = 60.0
_GIVE_UP_SECONDS = 600.0


def wait_until_complete(
    client: Client, batch_ids: list[str], tell: Callable[[str], None]
) -> list[str]:
    """Wait for the batches; the ids of those that are not ``COMPLETE`` in the end.

    It gives up when nothing has moved for ten minutes.

    Args:
        client: with the key that sent them.
        batch_ids: in the order in which they were sent.
        tell: takes sentences on how far it is.

    Raises:
        ApiError: the key may not see them.
        Unreachable: the server does not answer any more.
    """
    follower = Follower(client, batch_ids)
    patience = _Patience(tell)
    while True:
        started = time.monotonic()
        standing = follower.look()
        if not standing.unfinished or patience.is_at_end(standing):
            return [*standing.failed, *standing.unfinished]
        took = time.monotonic() - started
        time.sleep(min(max(2 * took, _SHORTEST_LOOK), _LONGEST_LOOK))


class _Patience:
    """Tells where batches hang, now and then, and when to wait no longer."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told_at = self._moved_at = time.monotonic()
        self._told_of_still = False
        self._last: Standing | None = None

    def is_at_end(self, standing: Standing) -> bool:
        now = time.monotonic()
        if standing != self._last:
            self._last = standing
            self._moved_at = now
            self._told_of_still = False
        still = now - self._moved_at
        if still >= _STILL_SECONDS and not self._told_of_still:
            self._told_of_still = True
            self._tell(
                f"nothing has moved for {still:.0f} seconds: {_words(standing)}; the oldest is "
                f"{standing.unfinished[0]}: is a worker running? everlake doctor says more"
            )
        elif now - self._told_at >= _TELL_SECONDS and not self._told_of_still:
            self._told_at = now
            self._tell(f"waiting for {_words(standing)}")
        return still >= _GIVE_UP_SECONDS


def _words(standing: Standing) -> str:
    counts = ", ".join(f"{count:,} {status}" for status, count in standing.counts.items())
    return f"{counts} of the batches"
