"""The objects of batches, one batch at a time, and what is wrong with them."""

from everlake.catalog.batches import BatchRow
from everlake.integrity.types import IntegrityProblem
from everlake.landing.batch_objects import UNREADABLE_ERRORS, check_rejected, read_accepted
from everlake.landing.lines import LandedRecord
from everlake.storage import ObjectStore

MAX_REPORTED_BATCHES = 1_000
"""So many batches are told of. The others are counted."""


class ArchiveObjects:
    """Reads batches' objects, and keeps what was wrong at the last reading."""

    def __init__(self, store: ObjectStore, workspace_id: str) -> None:
        self._store = store
        self._workspace_id = workspace_id
        self._problems_by_sequence: dict[int, list[IntegrityProblem]] = {}
        self.omitted = 0

    @property
    def damaged_sequences(self) -> list[int]:
        """The sequences of the batches with which something is wrong."""
        return list(self._problems_by_sequence)

    def problems(self, number: int) -> list[IntegrityProblem]:
        """What is wrong with the objects of the batch of this sequence."""
        return self._problems_by_sequence.get(number, [])

    def read_records(self, batch: BatchRow) -> list[LandedRecord] | None:
        """The batch's accepted records; None where they cannot be read."""
        found: list[IntegrityProblem] = []
        records: list[LandedRecord] | None = []
        if batch.accepted:
            try:
                records = read_accepted(self._store, batch)
            except UNREADABLE_ERRORS as error:
                records = None
                found.append(self._accepted_problem(batch, str(error)))
        try:
            check_rejected(self._store, batch)
        except UNREADABLE_ERRORS as error:
            found.append(self._rejected_problem(batch, str(error)))
        self._set_problems(batch.sequence, found)
        return records

    def _set_problems(self, number: int, found: list[IntegrityProblem]) -> None:
        self._problems_by_sequence.pop(number, None)
        if found and len(self._problems_by_sequence) < MAX_REPORTED_BATCHES:
            self._problems_by_sequence[number] = found
        elif found:
            self.omitted += 1

    def _accepted_problem(self, batch: BatchRow, reason: str) -> IntegrityProblem:
        return IntegrityProblem(
            batch_id=batch.id,
            problem=f"its landing object {batch.landing_path} is no good: {reason}",
            action=(
                "put the object back from a backup, then run everlake lake rebuild --workspace "
                f"{self._workspace_id}; without a backup that keeps what the tables have of the "
                "batch, and the records can be sent again"
            ),
        )

    def _rejected_problem(self, batch: BatchRow, reason: str) -> IntegrityProblem:
        return IntegrityProblem(
            batch_id=batch.id,
            problem=f"the object of its refused records {batch.rejected_path} is no good: {reason}",
            action="put the object back from a backup; the tables do not need it",
        )
