"""The objects of batches, one batch at a time, and what is wrong with them."""

from everlake.catalog.batches import BatchRow
from everlake.lake.problems import Problem
from everlake.landing.lines import LandedRecord
from everlake.landing.objects import UNREADABLE, check_refused, read_accepted
from everlake.storage import ObjectStore

MOST = 1_000
"""So many batches are told of. The others are counted."""


class Objects:
    """Reads batches' objects, and keeps what was wrong at the last reading."""

    def __init__(self, store: ObjectStore, workspace_id: str) -> None:
        self._store = store
        self._workspace_id = workspace_id
        self._wrong: dict[int, list[Problem]] = {}
        self.untold = 0

    @property
    def wrong(self) -> list[int]:
        """The sequences of the batches with which something is wrong."""
        return list(self._wrong)

    def problems(self, number: int) -> list[Problem]:
        """What is wrong with the objects of the batch of this sequence."""
        return self._wrong.get(number, [])

    def read(self, batch: BatchRow) -> list[LandedRecord] | None:
        """The batch's accepted records; None where they cannot be read."""
        found: list[Problem] = []
        records: list[LandedRecord] | None = []
        if batch.accepted:
            try:
                records = read_accepted(self._store, batch)
            except UNREADABLE as error:
                records = None
                found.append(self._accepted_lost(batch, str(error)))
        try:
            check_refused(self._store, batch)
        except UNREADABLE as error:
            found.append(self._refused_lost(batch, str(error)))
        self._note(batch.sequence, found)
        return records

    def _note(self, number: int, found: list[Problem]) -> None:
        self._wrong.pop(number, None)
        if found and len(self._wrong) < MOST:
            self._wrong[number] = found
        elif found:
            self.untold += 1

    def _accepted_lost(self, batch: BatchRow, reason: str) -> Problem:
        return Problem(
            batch_id=batch.id,
            problem=f"its landing object {batch.landing_path} is no good: {reason}",
            action=(
                "put the object back from a backup, then run everlake lake rebuild --workspace "
                f"{self._workspace_id}; without a backup that keeps what the tables have of the "
                "batch, and the records can be sent again"
            ),
        )

    def _refused_lost(self, batch: BatchRow, reason: str) -> Problem:
        return Problem(
            batch_id=batch.id,
            problem=f"the object of its refused records {batch.rejected_path} is no good: {reason}",
            action="put the object back from a backup; the tables do not need it",
        )
