"""Objects of batches in the archive: their records, and what is wrong with the objects."""

from everlake.integrity.types import IntegrityProblem, rebuild_command
from everlake.landing.accepted import LandedRecord
from everlake.landing.batch_objects import UNREADABLE_ERRORS, check_rejected, read_accepted
from everlake.model.batches import BatchRow
from everlake.storage import ObjectStore

MAX_REPORTED_BATCHES = 1_000
"""Batches whose problems are reported one by one; the problems of others are counted."""


class ArchiveObjects:
    """Reads the objects of batches, and remembers what was wrong when they were last read.

    Attributes:
        omitted: number of problems that are not reported one by one.
    """

    def __init__(self, store: ObjectStore, workspace_id: str) -> None:
        self._store = store
        self._workspace_id = workspace_id
        self._problems_by_sequence: dict[int, list[IntegrityProblem]] = {}
        self.omitted = 0

    @property
    def damaged_sequences(self) -> list[int]:
        """The sequences of batches with missing or damaged objects."""
        return list(self._problems_by_sequence)

    def problems(self, sequence: int) -> list[IntegrityProblem]:
        """Return what is wrong with the objects of the batch of this sequence."""
        return self._problems_by_sequence.get(sequence, [])

    def read_records(self, batch: BatchRow) -> list[LandedRecord] | None:
        """Return the accepted records of a batch; None when they cannot be read.

        Raises:
            StorageUnavailable: nothing can be read now.
        """
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

    def _set_problems(self, sequence: int, found: list[IntegrityProblem]) -> None:
        self._problems_by_sequence.pop(sequence, None)
        if found and len(self._problems_by_sequence) < MAX_REPORTED_BATCHES:
            self._problems_by_sequence[sequence] = found
        elif found:
            self.omitted += 1

    def _accepted_problem(self, batch: BatchRow, reason: str) -> IntegrityProblem:
        return IntegrityProblem(
            batch_id=batch.id,
            problem=f"its landing object {batch.landing_path} cannot be used: {reason}",
            action=(
                f"restore the object from a backup, then run {rebuild_command(self._workspace_id)};"
                " without a backup, run it all the same: it keeps what the tables have of the "
                "batch, and the records can be sent again"
            ),
        )

    def _rejected_problem(self, batch: BatchRow, reason: str) -> IntegrityProblem:
        return IntegrityProblem(
            batch_id=batch.id,
            problem=(
                f"the object of its rejected records {batch.rejected_path} cannot be used: {reason}"
            ),
            action="restore the object from a backup; the tables do not need it",
        )
