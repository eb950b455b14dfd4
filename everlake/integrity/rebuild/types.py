"""Result of a rebuild."""

import msgspec

from everlake.integrity.types import IntegrityProblem


class RebuildResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the new tables of a workspace hold, and what could not be restored.

    Attributes:
        workspace_id: the workspace.
        records: rows of the table of records.
        utterances: rows of the table of utterances.
        problems: batches whose records are lost, wholly or in part.
        kept: where the old tables are kept, if they hold what the new ones do not.
    """

    workspace_id: str
    records: int
    utterances: int
    problems: list[IntegrityProblem]
    kept: str | None = None
