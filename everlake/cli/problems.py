"""Problems with a workspace's data, for people."""

from collections.abc import Sequence

from everlake.cli.context import out
from everlake.integrity.types import IntegrityProblem


def show_problems(problems: Sequence[IntegrityProblem]) -> None:
    """What is wrong, by batch, and below it what to do."""
    for each in problems:
        about = "" if each.batch_id is None else f"batch {each.batch_id}: "
        out.print(f"{about}{each.problem}", markup=False)
        out.print(f"  -> {each.action}", markup=False)
