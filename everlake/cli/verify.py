"""``everlake lake verify``: whether archive, catalog and tables agree."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from everlake.analysis.utterances import extract_utterances
from everlake.catalog.database import Catalog
from everlake.cli.console import pluralize
from everlake.cli.context import (
    DataOption,
    JsonOption,
    WorkspaceOption,
    load_settings,
    open_existing_catalog,
    out,
    print_json,
    resolve_workspace_ids,
)
from everlake.cli.problems import show_problems
from everlake.cli.progress import ProgressReporter, reporting_progress
from everlake.integrity.verify import VerificationResult
from everlake.integrity.verify import verify as look_at
from everlake.lake.opening import open_lake
from everlake.landing.lines import LandedRecord
from everlake.runtime.gc_tuning import tuned_for_batches
from everlake.runtime.interrupt import exits_immediately_on_signal
from everlake.settings import Settings
from everlake.storage import open_store


def verify(
    workspace: WorkspaceOption = None,
    every: Annotated[bool, typer.Option("--all", help="Every workspace.")] = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Check that archive, catalog and tables agree; the exit code is 1 where they do not.

    It reads everything and changes nothing. A server may run.

    Example: everlake lake verify --all
    """
    settings = load_settings(data)
    with (
        open_existing_catalog(settings) as catalog,
        TemporaryDirectory(prefix="everlake-verify-") as scratch,
        exits_immediately_on_signal(Path(scratch)),
        reporting_progress(quiet=json) as watch,
        tuned_for_batches(),
    ):
        ids = resolve_workspace_ids(catalog, workspace, all_workspaces=every)
        done = [_verify_workspace(settings, catalog, each, watch, Path(scratch)) for each in ids]
    well = not any(each.problems for each in done)
    if json:
        print_json({"ok": well, "workspaces": done})
    else:
        for each in done:
            _print_result(each)
    if not well:
        sys.exit(1)


def _verify_workspace(
    settings: Settings, catalog: Catalog, workspace_id: str, watch: ProgressReporter, scratch: Path
) -> VerificationResult:
    return look_at(
        catalog,
        open_store(settings.archive_url),
        open_lake(settings.archive_url, catalog),
        workspace_id,
        has_utterances=_has_utterances,
        report_progress=watch,
        temporary_directory=scratch,
    )


def _has_utterances(record: LandedRecord) -> bool:
    return bool(extract_utterances(record.record_type, record.data, record.participants))


def _print_result(done: VerificationResult) -> None:
    how = pluralize(len(done.problems), "problem") if done.problems else "all is well"
    what = f"{pluralize(done.batches, 'batch')}, {pluralize(done.records, 'record')}"
    out.print(f"workspace {done.workspace_id}: {what}, {how}", markup=False)
    show_problems(done.problems)
    if done.orphans:
        out.print(
            f"{pluralize(len(done.orphans), 'object')} of no batch (one is {done.orphans[0]}). "
            "A crash leaves such; a worker moves them to orphans/.",
            markup=False,
        )
