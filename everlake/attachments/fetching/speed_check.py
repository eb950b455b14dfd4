"""Speed check: ends a download that is too slow to be worth its place."""

from everlake.attachments.fetching.failures import too_slow


class SpeedCheck:
    """Bytes of a download in one window of time after another.

    Only the time counts in which bytes are waited for, so that a slow disk of this machine is not
    taken for a slow server.

    Args:
        least_speed: bytes a second on average of each window.
        window: its seconds.
    """

    def __init__(self, least_speed: int, window: float) -> None:
        self._least_speed = least_speed
        self._window = window
        self._waited = 0.0
        self._received = 0

    def count_bytes(self, number: int) -> None:
        """Count bytes that have arrived."""
        self._received += number

    def count_wait(self, seconds: float) -> None:
        """Count time that was spent waiting for bytes.

        Raises:
            FetchError: ``TIMED_OUT`` at the end of a window with too few bytes.
        """
        self._waited += seconds
        if self._waited < self._window:
            return
        if self._received < self._least_speed * self._waited:
            raise too_slow(self._least_speed)
        self._waited, self._received = 0.0, 0
