"""``everlake lake verify``."""

from pathlib import Path
from tempfile import TemporaryDirectory

from everlake.catalog.database import Catalog
from everlake.cli.console import out, pluralize
from everlake.cli.lake_workspaces import finish, print_problems, selected_workspaces
from everlake.cli.options import (
    AllOption,
    DataOption,
    JsonOption,
    WorkspaceOption,
    load_settings,
)
from everlake.cli.progress import ProgressReporter, reporting_progress
from everlake.integrity.verify import VerificationResult
from everlake.integrity.verify import verify as verify_workspace
from everlake.lake.opening import open_lake
from everlake.operations.opening import existing_catalog
from everlake.runtime.gc_tuning import tuned_for_batches
from everlake.runtime.interrupt import exits_immediately_on_signal
from everlake.settings import Settings
from everlake.storage import open_store


def verify(
    workspace: WorkspaceOption = None,
    all_workspaces: AllOption = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Check that archive, catalog and tables agree; the exit code is 1 if they do not.

    It reads everything and changes nothing. Everlake may be running.

    Example: everlake lake verify --all
    """
    settings = load_settings(data)
    with (
        existing_catalog(settings) as catalog,
        TemporaryDirectory(prefix="everlake-verify-") as directory,
        exits_immediately_on_signal(Path(directory)),
        reporting_progress(quiet=json) as report,
        tuned_for_batches(),
    ):
        results = [
            _verify(settings, catalog, workspace_id, report, Path(directory))
            for workspace_id in selected_workspaces(
                catalog, workspace, all_workspaces=all_workspaces
            )
        ]
    finish(results, _print_result, json=json)


def _verify(
    settings: Settings,
    catalog: Catalog,
    workspace_id: str,
    report: ProgressReporter,
    directory: Path,
) -> VerificationResult:
    return verify_workspace(
        catalog,
        open_store(settings.archive_url),
        open_lake(settings.archive_url, catalog),
        workspace_id,
        report_progress=report,
        temporary_directory=directory,
    )


def _print_result(result: VerificationResult) -> None:
    problems = pluralize(len(result.problems), "problem") if result.problems else "no problems"
    checked = f"{pluralize(result.batches, 'batch')}, {pluralize(result.records, 'record')}"
    out.print(f"workspace {result.workspace_id}: {checked}, {problems}", markup=False)
    print_problems(result.problems)
    if result.orphans:
        out.print(
            f"{pluralize(len(result.orphans), 'object')} of no batch, such as "
            f"{result.orphans[0]}. A crash leaves them behind; a worker moves them to orphans/.",
            markup=False,
        )
