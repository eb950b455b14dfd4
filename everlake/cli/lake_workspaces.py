"""Workspaces of ``everlake lake verify`` and ``rebuild``: selection, results and problems."""

import sys
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from everlake.catalog.database import Catalog
from everlake.cli.console import fail, out, print_json
from everlake.integrity.types import IntegrityProblem
from everlake.operations.workspaces import list_workspaces, resolve_workspace


class WorkspaceResult(Protocol):
    """Result for one workspace."""

    @property
    def problems(self) -> Sequence[IntegrityProblem]:
        """What is wrong with its data."""
        ...


_R = TypeVar("_R", bound=WorkspaceResult)


def selected_workspaces(
    catalog: Catalog, workspace: str | None, *, all_workspaces: bool
) -> list[str]:
    """Return the ids of the workspaces that ``--workspace`` and ``--all`` select.

    Raises:
        CommandError: both are given.
        ResourceNotFound: there is no such workspace.
        NoWorkspace: there is none yet.
    """
    if not all_workspaces:
        return [resolve_workspace(catalog, workspace)]
    if workspace is not None:
        fail("--all and --workspace exclude each other")
    return [each.id for each in list_workspaces(catalog)]


def finish(results: Sequence[_R], print_result: Callable[[_R], None], *, json: bool) -> None:
    """Print the results, and end the process with exit code 1 when there are problems."""
    ok = not any(result.problems for result in results)
    if json:
        print_json({"ok": ok, "workspaces": results})
    else:
        for result in results:
            print_result(result)
    if not ok:
        sys.exit(1)


def print_problems(problems: Sequence[IntegrityProblem]) -> None:
    """Print each problem with its batch, and below it what to do."""
    for problem in problems:
        subject = "" if problem.batch_id is None else f"batch {problem.batch_id}: "
        out.print(f"{subject}{problem.problem}", markup=False)
        out.print(f"  -> {problem.action}", markup=False)
