"""Memory budget shared by the small contents of a spool."""

import threading


class MemoryBudget:
    """Number of bytes that many threads reserve parts of.

    Args:
        max_bytes: bytes reserved at a time.
    """

    def __init__(self, max_bytes: int) -> None:
        self._available = max_bytes
        self._lock = threading.Lock()

    def reserve(self, size: int) -> bool:
        """Reserve ``size`` bytes; return False when fewer are available."""
        with self._lock:
            if size > self._available:
                return False
            self._available -= size
            return True

    def release(self, size: int) -> None:
        """Return ``size`` reserved bytes."""
        with self._lock:
            self._available += size
