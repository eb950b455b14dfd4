"""Fair queue: claimed attachments, in which hosts take turns."""

import threading
from collections import Counter, deque
from collections.abc import Collection, Iterable

from everlake.catalog.attachments import AttachmentRow

QUEUED_PER_SLOT = 64
"""Attachments of a host in the queue for each that is fetched at the same time. They keep its
connections busy while outcomes are recorded, during which nothing is claimed."""


class FairQueue:
    """Attachments that wait for a thread. Threads may share it.

    Args:
        host_limit: attachments of a host that are taken at the same time; those without a host
            are not limited.
    """

    def __init__(self, host_limit: int) -> None:
        self._host_limit = host_limit
        self._waiting: dict[str, deque[AttachmentRow]] = {}
        self._hosts: deque[str] = deque()
        self._in_progress: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._closed = False

    def add(self, rows: Iterable[AttachmentRow]) -> None:
        """Append attachments to those of their hosts."""
        with self._changed:
            for row in rows:
                if row.host not in self._waiting:
                    self._waiting[row.host] = deque()
                    self._hosts.append(row.host)
                self._waiting[row.host].append(row)
            self._changed.notify_all()

    def take(self, done: AttachmentRow | None = None) -> AttachmentRow | None:
        """Wait for the next attachment and return it; return None once the queue is closed.

        Args:
            done: an attachment that was taken and has ended. Unlike :meth:`done`, this wakes no
                other thread.
        """
        with self._changed:
            if done is not None:
                self._finish(done)
            while not self._closed:
                if (row := self._next()) is not None:
                    return row
                self._changed.wait()
            return None

    def done(self, row: AttachmentRow) -> None:
        """Note that an attachment that was taken has ended."""
        with self._changed:
            self._finish(row)
            self._changed.notify()

    def count_ready(self) -> int:
        """Return how many attachments could be taken now."""
        with self._changed:
            return sum(self._available(host, len(rows)) for host, rows in self._waiting.items())

    def full_hosts(self) -> Collection[str]:
        """Return the hosts with enough attachments in the queue."""
        with self._changed:
            return {
                host
                for host, rows in self._waiting.items()
                if host and len(rows) >= QUEUED_PER_SLOT * self._host_limit
            }

    def clear(self) -> list[AttachmentRow]:
        """Remove and return all attachments that wait."""
        with self._changed:
            rest = [row for rows in self._waiting.values() for row in rows]
            self._waiting.clear()
            self._hosts.clear()
            return rest

    def close(self) -> None:
        """End all waits; nothing can be taken after that."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _finish(self, row: AttachmentRow) -> None:
        self._in_progress[row.host] -= 1
        if not self._in_progress[row.host]:
            del self._in_progress[row.host]

    def _next(self) -> AttachmentRow | None:
        for _ in range(len(self._hosts)):
            host = self._hosts.popleft()
            rows = self._waiting[host]
            if not self._available(host, 1):
                self._hosts.append(host)
                continue
            row = rows.popleft()
            self._in_progress[host] += 1
            if rows:
                self._hosts.append(host)
            else:
                del self._waiting[host]
            return row
        return None

    def _available(self, host: str, limit: int) -> int:
        if not host:
            return limit
        return min(limit, self._host_limit - self._in_progress[host])
