"""Fair queue: claimed attachments, in which workspaces take turns, and hosts within each."""

import threading
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sized

from everlake.catalog.attachments import AttachmentRow

WORKSPACE_SHARE = 0.75
"""Part of the threads that one workspace has at a time; the others are for one that comes later."""
QUEUED_PER_SLOT = 64
"""Attachments of a host in the queue for each that is fetched at the same time. They keep its
connections busy while outcomes are recorded, during which nothing is claimed."""


class FairQueue:
    """Attachments that wait for a thread. Threads may share it.

    The workspace with the fewest attachments in progress comes first, so that one whose servers are
    slow does not come to hold all threads.

    Args:
        host_limit: attachments of a host that are taken at the same time, of all workspaces; those
            without a host are not limited.
        threads: that share it; a workspace has :data:`WORKSPACE_SHARE` of them at most.
    """

    def __init__(self, host_limit: int, threads: int) -> None:
        self._host_limit = host_limit
        self._workspace_limit = max(1, int(threads * WORKSPACE_SHARE))
        # By workspace and host, each in the order in which they have their turn.
        self._waiting: dict[str, dict[str, deque[AttachmentRow]]] = {}
        self._of_workspace: Counter[str] = Counter()
        self._of_host: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._closed = False

    def add(self, rows: Iterable[AttachmentRow]) -> None:
        """Append attachments to those of their workspaces and hosts."""
        with self._changed:
            for row in rows:
                hosts = self._waiting.setdefault(row.workspace_id, {})
                hosts.setdefault(row.host, deque()).append(row)
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
            waiting: Counter[str] = Counter()
            of_workspaces = 0
            for workspace, hosts in self._waiting.items():
                waiting.update({host: len(rows) for host, rows in hosts.items()})
                of_workspaces += min(self._room(workspace), self._count_available(hosts))
            of_hosts = sum(self._available(host, count) for host, count in waiting.items())
            return min(of_hosts, of_workspaces)

    def full_workspaces(self) -> Collection[str]:
        """Return the workspaces with enough attachments in the queue for all of their share."""
        with self._changed:
            return {
                workspace
                for workspace, hosts in self._waiting.items()
                if self._count_available(hosts) >= self._workspace_limit
            }

    def full_hosts(self) -> Collection[tuple[str, str]]:
        """Return the workspaces and hosts with enough attachments in the queue.

        Enough for a host is divided among the workspaces that wait, which bounds the queue.
        """
        with self._changed:
            of_each = QUEUED_PER_SLOT * self._host_limit // max(1, len(self._waiting))
            enough = max(self._host_limit, of_each)
            return {
                (workspace, host)
                for workspace, hosts in self._waiting.items()
                for host, rows in hosts.items()
                if host and len(rows) >= enough
            }

    def clear(self) -> list[AttachmentRow]:
        """Remove and return all attachments that wait."""
        with self._changed:
            rest = [
                row for hosts in self._waiting.values() for rows in hosts.values() for row in rows
            ]
            self._waiting.clear()
            return rest

    def close(self) -> None:
        """End all waits; nothing can be taken after that."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _finish(self, row: AttachmentRow) -> None:
        self._of_workspace -= Counter([row.workspace_id])
        self._of_host -= Counter([row.host])

    def _next(self) -> AttachmentRow | None:
        # Sorting keeps the order of turns among those with equally many.
        for workspace in sorted(self._waiting, key=self._of_workspace.__getitem__):
            if not self._room(workspace):
                return None
            for host in self._waiting[workspace]:
                if self._available(host, 1):
                    return self._take(workspace, host)
        return None

    def _take(self, workspace: str, host: str) -> AttachmentRow:
        hosts = self._waiting.pop(workspace)
        rows = hosts.pop(host)
        row = rows.popleft()
        # What is left goes to the end of its turns.
        if rows:
            hosts[host] = rows
        if hosts:
            self._waiting[workspace] = hosts
        self._of_workspace[workspace] += 1
        self._of_host[host] += 1
        return row

    def _room(self, workspace: str) -> int:
        return self._workspace_limit - self._of_workspace[workspace]

    def _count_available(self, hosts: Mapping[str, Sized]) -> int:
        return sum(self._available(host, len(rows)) for host, rows in hosts.items())

    def _available(self, host: str, limit: int) -> int:
        if not host:
            return limit
        return min(limit, self._host_limit - self._of_host[host])
