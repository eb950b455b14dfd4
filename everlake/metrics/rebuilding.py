"""Whether the lake's tables are being made again, which another process does."""

import fcntl
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Rebuilding(Collector):
    """Looks at the lock that a rebuild holds.

    Args:
        lock: its file, which need not be there.
    """

    def __init__(self, lock: Path) -> None:
        self._lock = lock

    def collect(self) -> Iterable[Metric]:
        """One gauge without labels."""
        yield GaugeMetricFamily(
            "everlake_lake_rebuild_running",
            "Whether everlake lake rebuild is at work on the lake of this machine.",
            value=float(self._is_held()),
        )

    def _is_held(self) -> bool:
        try:
            with self._lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False
