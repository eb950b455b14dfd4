"""Types of the worker: a step, and a stage of the batch queue."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from everlake.contract.batches import BatchStatus
from everlake.model.batches import BatchRow

RunOnce: TypeAlias = Callable[[], bool]
"""Does one portion of work; returns False when there was none."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of the batch queue: what is done with the batches of one status.

    Attributes:
        name: identifies the stage in lease owners, logs and traces.
        input_status: the status of the batches that it takes.
        claimed_status: their status while it works on them; None to leave it.
        output_status: their status when it is done.
        yields_to: while batches are due in this status, the stage waits for a while.
        process: does the work for batches of one workspace. It may be called again with batches
            that it has processed already.
        max_batches: bound of one claim.
        max_records: bound of one claim, in accepted records.
        max_bytes: bound of one claim, in bytes of the batches' lines.
    """

    name: str
    input_status: BatchStatus
    claimed_status: BatchStatus | None
    output_status: BatchStatus
    yields_to: BatchStatus | None = None
    process: Callable[[Sequence[BatchRow]], None]
    max_batches: int
    max_records: int
    max_bytes: int


def lease_owner(worker: str, stage: str) -> str:
    """Return the name under which a stage of a worker holds its leases."""
    return f"{worker}/{stage}"
