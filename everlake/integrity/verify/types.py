"""Types of a verification: checks, findings and the result."""

import msgspec

from everlake.integrity.types import IntegrityProblem


class TableCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A way in which a table can disagree with the archive.

    Attributes:
        table: the table's name.
        message: a sentence about the records of one batch, with ``{count}`` for their number.
        query: SQL that returns ``id`` and ``version`` of each record that is wrong.
        reads: the tables that the query reads.
        is_missing_rows: the table lacks rows. An empty table is reported once instead.
        needs_contribution: a record is wrong only if rows can be derived from it at all.
        suspects_archive: the landing object may be what is wrong.
    """

    table: str
    message: str
    query: str
    reads: tuple[str, ...]
    is_missing_rows: bool = False
    needs_contribution: bool = False
    suspects_archive: bool = False


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one batch that a check found wrong.

    Attributes:
        check: the check.
        sequence: the batch's sequence, as the records' versions say; there may be no such batch.
        count: how many records.
        example: the id of one of them.
    """

    check: TableCheck
    sequence: int
    count: int
    example: str


class VerificationResult(msgspec.Struct, frozen=True, kw_only=True):
    """How much was verified, and what is wrong.

    Attributes:
        workspace_id: the workspace.
        batches: number of batches.
        records: number of rows in the table of records.
        problems: what is wrong.
        orphans: paths of objects of the archive that belong to no batch. They are no problem: a
            crash leaves them, and their senders received no 202.
    """

    workspace_id: str
    batches: int
    records: int
    problems: list[IntegrityProblem]
    orphans: list[str]
