"""Polling of many batches until they are ``COMPLETE``."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import takewhile

import msgspec

from everlake.client.client import Client
from everlake.contract.batches import TERMINAL_STATUSES, Batch, BatchStatus

_MARGIN_MS = 600_000
"""Batches may be older than the first one by this much: parallel requests overtake each other."""

_UNFINISHED = tuple(status for status in BatchStatus if status not in TERMINAL_STATUSES)
"""In the order in which a batch has them, so that none is missed between two requests."""


class BatchProgress(msgspec.Struct, frozen=True):
    """Progress of batches.

    Attributes:
        counts: number of unfinished batches by status.
        unfinished: their ids.
        failed: ids of ``FAILED`` batches of which records were accepted.
    """

    counts: dict[BatchStatus, int]
    unfinished: list[str]
    failed: list[str]


class BatchPoller:
    """Reads the progress of many batches, in few requests.

    Args:
        client: with a key of the batches' workspace.
        batch_ids: in the order in which they were sent.
    """

    def __init__(self, client: Client, batch_ids: Iterable[str]) -> None:
        self._client = client
        self._batch_ids = list(batch_ids)
        self._since = 0
        if self._batch_ids:
            self._since = client.batch(self._batch_ids[0]).createdAt - _MARGIN_MS

    def poll(self) -> BatchProgress:
        """Return the progress now, with a request for each 100 unfinished batches of the workspace.

        Raises:
            ApiError: the key may not see the batches.
            Unreachable: no response.
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
        """Yield the workspace's batches with this status, newest first, back to our first."""
        return takewhile(
            lambda batch: batch.createdAt >= self._since, self._client.batches(status=status)
        )
