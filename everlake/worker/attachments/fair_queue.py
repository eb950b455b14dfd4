"""Claimed attachments in the order of their turns, few of a host at a time."""

import threading
from collections import Counter, deque
from collections.abc import Collection, Iterable

from everlake.catalog.attachments import AttachmentRow

QUEUED_PER_SLOT = 64
"""How many of a host may wait, for each of it that is fetched at once: so many are fetched while
others are settled, and nothing is claimed then."""


class FairQueue:
    """What waits for a thread. Hosts take turns, and none has more than its share under way.

    Args:
        per_host: of a host at once. Attachments that come from none are not counted.
    """

    def __init__(self, host_limit: int) -> None:
        self._host_limit = host_limit
        self._waiting: dict[str, deque[AttachmentRow]] = {}
        self._hosts: deque[str] = deque()
        self._in_progress: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._closed = False

    def add(self, rows: Iterable[AttachmentRow]) -> None:
        """Let these wait behind those of their host."""
        with self._changed:
            for row in rows:
                if row.host not in self._waiting:
                    self._waiting[row.host] = deque()
                    self._hosts.append(row.host)
                self._waiting[row.host].append(row)
            self._changed.notify_all()

    def take(self, done: AttachmentRow | None = None) -> AttachmentRow | None:
        """The next one, as soon as there is one; None when the end has come.

        Args:
            done: under way no more. To say so here spares another thread being woken for nothing.
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
        """The one that was taken is under way no more."""
        with self._changed:
            self._finish(row)
            self._changed.notify()

    def count_ready(self) -> int:
        """How many could be taken at once."""
        with self._changed:
            return sum(self._available(host, len(rows)) for host, rows in self._waiting.items())

    def full_hosts(self) -> Collection[str]:
        """Hosts of which enough wait."""
        with self._changed:
            return {
                host
                for host, rows in self._waiting.items()
                if host and len(rows) >= QUEUED_PER_SLOT * self._host_limit
            }

    def clear(self) -> list[AttachmentRow]:
        """Let nobody wait any more; those that did."""
        with self._changed:
            rest = [row for rows in self._waiting.values() for row in rows]
            self._waiting.clear()
            self._hosts.clear()
            return rest

    def close(self) -> None:
        """Let nothing be taken any more."""
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
