"""What is told of a workspace."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from everlake.catalog import sequence
from everlake.catalog.batches import BatchRow
from everlake.catalog.engine import Catalog
from everlake.lake.problems import Problem
from everlake.lake.verify.findings import Finding
from everlake.lake.verify.objects import MOST, Objects


class Verified(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How much was looked at, and what is wrong with it.

    ``orphans`` are objects of the archive without a batch. They are no problem: a crash leaves
    them, and nobody was promised anything.
    """

    workspace_id: str
    batches: int
    records: int
    problems: list[Problem]
    orphans: list[str]


class EmptyTables:
    """Sorts out what is wrong for no other reason than that a whole table is not there."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._lacking: set[str] = set()

    def sort_out(self, found: Iterable[Finding]) -> Iterator[Finding]:
        """What is left."""
        for one in found:
            table = one.kind.tables[-1]
            if one.kind.lack and table in self._names:
                self._lacking.add(table)
            else:
                yield one

    def problems(self, workspace_id: str) -> Iterator[Problem]:
        """What was sorted out."""
        for table in sorted(self._lacking):
            yield Problem(
                batch_id=None,
                problem=f"the table {table} is empty or not there, and should not be",
                action=rebuild(workspace_id),
            )


def about_tables(
    catalog: Catalog, workspace_id: str, objects: Objects, found: Iterable[Finding]
) -> Iterator[Problem]:
    """What is wrong, by batch: its objects, then the tables."""
    by_batch: dict[int, list[Finding]] = {}
    for one in found:
        if len(by_batch) >= MOST and one.sequence not in by_batch:
            objects.untold += 1
        else:
            by_batch.setdefault(one.sequence, []).append(one)
    numbers = sorted(by_batch.keys() | set(objects.wrong))
    known = {row.sequence: row for row in sequence.numbered(catalog, workspace_id, numbers)}
    for number in numbers:
        yield from objects.problems(number)
        for one in by_batch.get(number, []):
            yield _problem(workspace_id, one, known)
    if objects.untold:
        yield Problem(
            batch_id=None,
            problem=f"there are {objects.untold:,} more problems of this kind",
            action="mend these first, and run the command again",
        )


def rebuild(workspace_id: str) -> str:
    """What to do when the tables are wrong."""
    return f"run everlake lake rebuild --workspace {workspace_id}"


def _problem(workspace_id: str, one: Finding, known: Mapping[int, BatchRow]) -> Problem:
    batch = known.get(one.sequence)
    sentence = one.kind.sentence.format(f"{one.count:,}")
    if batch is None:
        return Problem(
            batch_id=None,
            problem=(
                f"{sentence.replace(' of it that its landing object does not have', '')} of a "
                f"batch that the catalog does not know (one is {one.example})"
            ),
            action=(
                f"if the catalog is an older copy, restore a later one; else "
                f"{rebuild(workspace_id)}, which keeps the old tables aside"
            ),
        )
    action = rebuild(workspace_id)
    if one.kind.suspect:
        action = (
            f"see that {batch.landing_path} is this batch's object, as a backup has it, then "
            f"{action}"
        )
    return Problem(batch_id=batch.id, problem=f"{sentence} (one is {one.example})", action=action)
