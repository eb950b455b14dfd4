"""Many batches on their way to ``COMPLETE``."""

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from everlake.client.client import Client
from everlake.contract.batches import TERMINAL_STATUSES, Batch, BatchPage, BatchStatus

_PAGE_SIZE = "100"
_MARGIN_MS = 600_000
"""Requests that run side by side and are made again get their batches in nearly their order."""

_UNFINISHED = tuple(status for status in BatchStatus if status not in TERMINAL_STATUSES)
"""In the order of a batch's way: one that moves on between two questions is met in the second."""


class BatchProgress(msgspec.Struct, frozen=True):
    """Where batches are: how many in each unfinished status, and the ids of those.

    ``failed`` are the ids of those that are ``FAILED`` although records of theirs were accepted.
    """

    counts: dict[BatchStatus, int]
    unfinished: list[str]
    failed: list[str]


class BatchPoller:
    """Asks how far batches are, many at a time.

    Args:
        client: with a key of the workspace that they are in.
        batch_ids: in the order in which they were sent; the first one is there.
    """

    def __init__(self, client: Client, batch_ids: Iterable[str]) -> None:
        self._client = client
        self._batch_ids = list(batch_ids)
        self._since = 0
        if self._batch_ids:
            self._since = client.batch(self._batch_ids[0]).createdAt - _MARGIN_MS

    def poll(self) -> BatchProgress:
        """Where the batches are now, in a request for each 100 of the workspace's on their way.

        Raises:
            ApiError: the key may not see them.
            Unreachable: no answer.
        """
        ours = set(self._batch_ids)
        found = {
            batch.batchId: batch
            for status in (*_UNFINISHED, BatchStatus.FAILED)
            for batch in self._batches(status)
            if batch.batchId in ours
        }
        unfinished = [
            each
            for each in self._batch_ids
            if each in found and found[each].status not in TERMINAL_STATUSES
        ]
        failed = [
            batch.batchId
            for batch in found.values()
            if batch.status is BatchStatus.FAILED and batch.acceptedCount
        ]
        counts = Counter(found[each].status for each in unfinished)
        return BatchProgress(dict(counts), unfinished, failed)

    def _batches(self, status: BatchStatus) -> Iterator[Batch]:
        """The workspace's batches in a status, newest first, as far back as ours can be."""
        params = {"status": status.value, "limit": _PAGE_SIZE}
        while True:
            answer = self._client.get("/api/v1/ingest/batches", params)
            page = msgspec.convert(answer, BatchPage)
            for batch in page.batches:
                if batch.createdAt < self._since:
                    return
                yield batch
            if page.nextCursor is None:
                return
            params["cursor"] = page.nextCursor
