"""``everlake lake rebuild``."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

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
from everlake.cli.progress import reporting_progress
from everlake.integrity.rebuild import RebuildResult, rebuild_each
from everlake.integrity.rebuild import rebuild as rebuild_workspace
from everlake.integrity.types import StepProgressCallback
from everlake.jobs.queue import JobQueue, job_owner
from everlake.lake.derived_tables import DERIVED_TABLES
from everlake.lake.opening import open_lake
from everlake.lake.writer_leases import WriterLeases
from everlake.operations.opening import existing_catalog
from everlake.runtime.gc_tuning import tuned_for_batches
from everlake.runtime.interrupt import exits_immediately_on_signal
from everlake.runtime.liveness import LivenessLock
from everlake.runtime.locks import exclusive_lock
from everlake.settings import Settings
from everlake.storage import open_store
from everlake.tables.local_backend import LocalTableBackend
from everlake.worker.attachments.indexing import IndexingWorker

_WRITER_LEASE_MS = 10_000
_INDEXING_LEASE_MS = 300_000
"""Nothing renews these leases. If this process dies, its texts wait until they end."""


def rebuild(
    workspace: WorkspaceOption = None,
    all_workspaces: AllOption = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Rebuild the tables from the landing archive and the catalog.

    The old tables stay in use until the new ones are complete, and Everlake may be running and
    accept records all the time. When the command is stopped, by Ctrl-C or anything else, the next
    call continues where it stopped.

    Example: everlake lake rebuild --all
    """
    settings = load_settings(data)
    with existing_catalog(settings) as catalog:
        ids = selected_workspaces(catalog, workspace, all_workspaces=all_workspaces)
        staging = LocalTableBackend.staging_directory(settings.lake_root)
        with (
            exclusive_lock(settings.rebuild_lock, _conflict_message),
            _temporary_directory(staging) as directory,
            exits_immediately_on_signal(directory),
            reporting_progress(quiet=json) as report,
            tuned_for_batches(),
        ):
            results = rebuild_each(
                ids,
                lambda workspace_id: _rebuild(settings, catalog, workspace_id, report, directory),
                registry=DERIVED_TABLES,
                now=catalog.now_ms(),
                directory=staging,
                report_progress=report,
            )
    finish(results, _print_result, json=json)


def _rebuild(
    settings: Settings,
    catalog: Catalog,
    workspace_id: str,
    report: StepProgressCallback,
    directory: Path,
) -> RebuildResult:
    with LivenessLock(settings.data_directory) as liveness:
        leases = WriterLeases(catalog, liveness.name, _WRITER_LEASE_MS)
        store = open_store(settings.archive_url)
        lake = open_lake(settings.archive_url, catalog, leases)
        queue = JobQueue(catalog, owner=job_owner(liveness.name), lease_ms=_INDEXING_LEASE_MS)
        indexing = IndexingWorker(queue, catalog, store, lake, leases)
        return rebuild_workspace(
            catalog,
            store,
            lake,
            leases,
            workspace_id,
            index_attachment_texts=indexing.run_once,
            report_progress=report,
            temporary_directory=directory,
        )


@contextmanager
def _temporary_directory(staging: Path) -> Generator[Path]:
    """Create an empty directory, and remove it at the end of the block.

    One that a killed process has left behind is removed first.
    """
    directory = staging / "_scratch"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        with suppress(OSError):
            staging.rmdir()


def _conflict_message(process: str) -> str:
    return f"process {process} is running a rebuild: wait until it ends, or stop it first"


def _print_result(result: RebuildResult) -> None:
    out.print(
        f"workspace {result.workspace_id}: {pluralize(result.records, 'record')}, "
        f"{pluralize(result.utterances, 'utterance')}",
        markup=False,
    )
    if result.kept is not None:
        out.print(
            "The old tables held rows that neither the archive nor the catalog has: they are kept "
            f"in {result.kept}. Delete it when you do not need them.",
            markup=False,
        )
    print_problems(result.problems)
