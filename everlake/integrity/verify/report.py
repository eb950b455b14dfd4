"""Report of a verification: findings as problems, by batch."""

from collections.abc import Collection, Iterable, Iterator

from everlake.catalog import batch_scan
from everlake.catalog.database import Catalog
from everlake.integrity.types import IntegrityProblem, rebuild_command
from everlake.integrity.verify.archive_objects import MAX_REPORTED_BATCHES, ArchiveObjects
from everlake.integrity.verify.types import Finding
from everlake.model.batches import BatchRow


class EmptyTables:
    """Reports a table that is empty once, in place of all the rows that it lacks.

    Args:
        names: names of the empty tables.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._missing: set[str] = set()

    def exclude(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield the findings that an empty table does not explain, and note the others' tables."""
        for finding in findings:
            if finding.check.is_missing_rows and finding.check.table in self._names:
                self._missing.add(finding.check.table)
            else:
                yield finding

    def problems(self, workspace_id: str) -> Iterator[IntegrityProblem]:
        """Yield a problem for each table that was noted."""
        for table in sorted(self._missing):
            yield IntegrityProblem(
                batch_id=None,
                problem=f"the table {table} is empty or missing, and should not be",
                action=f"run {rebuild_command(workspace_id)}",
            )


def batch_problems(
    catalog: Catalog, workspace_id: str, objects: ArchiveObjects, findings: Iterable[Finding]
) -> Iterator[IntegrityProblem]:
    """Yield what is wrong by batch: first its objects, then the tables."""
    by_batch: dict[int, list[Finding]] = {}
    for finding in findings:
        if len(by_batch) >= MAX_REPORTED_BATCHES and finding.sequence not in by_batch:
            objects.omitted += 1
        else:
            by_batch.setdefault(finding.sequence, []).append(finding)
    sequences = sorted(by_batch.keys() | set(objects.damaged_sequences))
    known = {
        row.sequence: row for row in batch_scan.scan_sequences(catalog, workspace_id, sequences)
    }
    for sequence in sequences:
        yield from objects.problems(sequence)
        for finding in by_batch.get(sequence, []):
            if sequence in known:
                yield _finding_problem(workspace_id, finding, known[sequence])
            elif finding.check.suspects_archive:  # which all rows of an unknown batch fail
                yield _unknown_batch_problem(workspace_id, finding)
    if objects.omitted:
        yield IntegrityProblem(
            batch_id=None,
            problem=f"there are {objects.omitted:,} more problems of this kind",
            action="solve these first, and run the command again",
        )


def _finding_problem(workspace_id: str, finding: Finding, batch: BatchRow) -> IntegrityProblem:
    action = f"run {rebuild_command(workspace_id)}"
    if finding.check.suspects_archive:
        action = (
            f"make sure that {batch.landing_path} is the object of this batch, as in a backup, "
            f"then {action}"
        )
    sentence = finding.check.message.format(count=f"{finding.count:,}")
    return IntegrityProblem(
        batch_id=batch.id, problem=f"{sentence} (one is {finding.example})", action=action
    )


def _unknown_batch_problem(workspace_id: str, finding: Finding) -> IntegrityProblem:
    return IntegrityProblem(
        batch_id=None,
        problem=(
            f"the table {finding.check.table} has {finding.count:,} records of a batch that the "
            f"catalog does not have (one is {finding.example})"
        ),
        action=(
            "if the catalog was restored from a backup, restore a later one; otherwise run "
            f"{rebuild_command(workspace_id)}, which keeps the old tables"
        ),
    )
