"""What is told of a workspace."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from everlake.catalog import batch_scan
from everlake.catalog.batches import BatchRow
from everlake.catalog.database import Catalog
from everlake.integrity.types import IntegrityProblem
from everlake.integrity.verify.archive_objects import MAX_REPORTED_BATCHES, ArchiveObjects
from everlake.integrity.verify.checks import Finding


class VerificationResult(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How much was looked at, and what is wrong with it.

    ``orphans`` are objects of the archive without a batch. They are no problem: a crash leaves
    them, and nobody was promised anything.
    """

    workspace_id: str
    batches: int
    records: int
    problems: list[IntegrityProblem]
    orphans: list[str]


class EmptyTables:
    """Sorts out what is wrong for no other reason than that a whole table is not there."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._missing: set[str] = set()

    def exclude(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """What is left."""
        for one in findings:
            table = one.check.tables[-1]
            if one.check.is_missing_rows and table in self._names:
                self._missing.add(table)
            else:
                yield one

    def problems(self, workspace_id: str) -> Iterator[IntegrityProblem]:
        """What was sorted out."""
        for table in sorted(self._missing):
            yield IntegrityProblem(
                batch_id=None,
                problem=f"the table {table} is empty or not there, and should not be",
                action=rebuild_command(workspace_id),
            )


def batch_problems(
    catalog: Catalog, workspace_id: str, objects: ArchiveObjects, findings: Iterable[Finding]
) -> Iterator[IntegrityProblem]:
    """What is wrong, by batch: its objects, then the tables."""
    by_batch: dict[int, list[Finding]] = {}
    for one in findings:
        if len(by_batch) >= MAX_REPORTED_BATCHES and one.sequence not in by_batch:
            objects.omitted += 1
        else:
            by_batch.setdefault(one.sequence, []).append(one)
    numbers = sorted(by_batch.keys() | set(objects.damaged_sequences))
    known = {row.sequence: row for row in batch_scan.scan_sequences(catalog, workspace_id, numbers)}
    for number in numbers:
        yield from objects.problems(number)
        for one in by_batch.get(number, []):
            yield _finding_problem(workspace_id, one, known)
    if objects.omitted:
        yield IntegrityProblem(
            batch_id=None,
            problem=f"there are {objects.omitted:,} more problems of this kind",
            action="mend these first, and run the command again",
        )


def rebuild_command(workspace_id: str) -> str:
    """What to do when the tables are wrong."""
    return f"run everlake lake rebuild --workspace {workspace_id}"


def _finding_problem(
    workspace_id: str, finding: Finding, known: Mapping[int, BatchRow]
) -> IntegrityProblem:
    batch = known.get(finding.sequence)
    sentence = finding.check.message.format(f"{finding.count:,}")
    if batch is None:
        return IntegrityProblem(
            batch_id=None,
            problem=(
                f"{sentence.replace(' of it that its landing object does not have', '')} of a "
                f"batch that the catalog does not know (one is {finding.example})"
            ),
            action=(
                f"if the catalog is an older copy, restore a later one; else "
                f"{rebuild_command(workspace_id)}, which keeps the old tables aside"
            ),
        )
    action = rebuild_command(workspace_id)
    if finding.check.suspects_archive:
        action = (
            f"see that {batch.landing_path} is this batch's object, as a backup has it, then "
            f"{action}"
        )
    return IntegrityProblem(
        batch_id=batch.id, problem=f"{sentence} (one is {finding.example})", action=action
    )
