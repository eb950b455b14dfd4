"""Claimed attachments in the order of their turns, few of a host at a time."""

import threading
from collections import Counter, deque
from collections.abc import Collection, Iterable

from everlake.catalog.attachments import AttachmentRow

ENOUGH = 64
"""How many of a host may wait, for each of it that is fetched at once: so many are fetched while
others are settled, and nothing is claimed then."""


class Lineup:
    """What waits for a thread. Hosts take turns, and none has more than its share under way.

    Args:
        per_host: of a host at once. Attachments that come from none are not counted.
    """

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._waiting: dict[str, deque[AttachmentRow]] = {}
        self._turns: deque[str] = deque()
        self._under_way: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._closed = False

    def add(self, rows: Iterable[AttachmentRow]) -> None:
        """Let these wait behind those of their host."""
        with self._changed:
            for row in rows:
                if row.host not in self._waiting:
                    self._waiting[row.host] = deque()
                    self._turns.append(row.host)
                self._waiting[row.host].append(row)
            self._changed.notify_all()

    def take(self, done: AttachmentRow | None = None) -> AttachmentRow | None:
        """The next one, as soon as there is one; None when the end has come.

        Args:
            done: under way no more. To say so here spares another thread being woken for nothing.
        """
        with self._changed:
            if done is not None:
                self._let_go(done)
            while not self._closed:
                if (row := self._next()) is not None:
                    return row
                self._changed.wait()
            return None

    def done(self, row: AttachmentRow) -> None:
        """The one that was taken is under way no more."""
        with self._changed:
            self._let_go(row)
            self._changed.notify()

    def ready(self) -> int:
        """How many could be taken at once."""
        with self._changed:
            return sum(self._free(host, len(rows)) for host, rows in self._waiting.items())

    def full(self) -> Collection[str]:
        """Hosts of which enough wait."""
        with self._changed:
            return {
                host
                for host, rows in self._waiting.items()
                if host and len(rows) >= ENOUGH * self._per_host
            }

    def clear(self) -> list[AttachmentRow]:
        """Let nobody wait any more; those that did."""
        with self._changed:
            rest = [row for rows in self._waiting.values() for row in rows]
            self._waiting.clear()
            self._turns.clear()
            return rest

    def close(self) -> None:
        """Let nothing be taken any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _let_go(self, row: AttachmentRow) -> None:
        self._under_way[row.host] -= 1
        if not self._under_way[row.host]:
            del self._under_way[row.host]

    def _next(self) -> AttachmentRow | None:
        for _ in range(len(self._turns)):
            host = self._turns.popleft()
            rows = self._waiting[host]
            if not self._free(host, 1):
                self._turns.append(host)
                continue
            row = rows.popleft()
            self._under_way[host] += 1
            if rows:
                self._turns.append(host)
            else:
                del self._waiting[host]
            return row
        return None

    def _free(self, host: str, wanted: int) -> int:
        if not host:
            return wanted
        return min(wanted, self._per_host - self._under_way[host])
