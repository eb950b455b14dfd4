"""Values that are given to the job queue."""

import msgspec

from everlake.catalog.jobs import JobRow


class JobFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A failed attempt at a job.

    Attributes:
        code: why, for programs to compare.
        message: why, for people: what to do about it.
        retryable: whether another attempt may succeed.
    """

    job: JobRow
    code: str
    message: str
    retryable: bool = False
