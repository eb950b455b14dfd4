"""Types that all integrity operations share."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

StepProgressCallback: TypeAlias = Callable[[str, int, int | None], None]
"""Is called with the current step, how much of it is done, and the total, if that is known."""


class IntegrityProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong with a workspace's data.

    Attributes:
        batch_id: the batch that it concerns; None when it concerns no single batch.
        problem: what is wrong.
        action: what to do about it.
    """

    batch_id: str | None
    problem: str
    action: str


def rebuild_command(workspace_id: str) -> str:
    """Return the command that rebuilds the tables of a workspace."""
    return f"everlake lake rebuild --workspace {workspace_id}"
