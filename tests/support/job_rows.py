"""Jobs as they are stored."""

from sqlalchemy import select

from everlake.catalog.database import Catalog
from everlake.catalog.jobs import JobKind, JobRow, JobState
from everlake.catalog.table_definitions import jobs


def job_rows(catalog: Catalog, kind: JobKind | None = None) -> list[JobRow]:
    """All jobs, or those of a kind, in the order of their keys."""
    statement = select(jobs).order_by(jobs.c.kind, jobs.c.subject)
    if kind is not None:
        statement = statement.where(jobs.c.kind == kind.value)
    with catalog.snapshot() as tx:
        return [
            JobRow(**{**row, "kind": JobKind(row["kind"]), "state": JobState(row["state"])})
            for row in tx.execute(statement).mappings()
        ]


def job_of(catalog: Catalog, kind: JobKind, subject: str) -> JobRow:
    """The job of that kind for that subject."""
    [found] = [job for job in job_rows(catalog, kind) if job.subject == subject]
    return found
