"""``everlake lake rebuild``: the tables made again from the archive and the catalog."""

import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

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
from everlake.cli.progress import reporting_progress
from everlake.integrity.rebuild import RebuildResult, StepProgressCallback, rebuild_each
from everlake.integrity.rebuild import rebuild as make_again
from everlake.lake.opening import open_lake
from everlake.lake.writer_leases import WriterLeases
from everlake.runtime.gc_tuning import tuned_for_batches
from everlake.runtime.interrupt import exits_immediately_on_signal
from everlake.runtime.liveness import LivenessLock
from everlake.runtime.locks import exclusive_lock
from everlake.settings import Settings
from everlake.storage import open_store
from everlake.tables.local_table_set import STAGING_FOLDER
from everlake.tables.spec import LAKE_FOLDER

AllOption = Annotated[bool, typer.Option("--all", help="Every workspace.")]

_WRITER_LEASE_MS = 10_000


def rebuild(
    workspace: WorkspaceOption = None,
    every: AllOption = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Make the tables again from the landing archive and the catalog.

    The old tables serve until the new ones are whole, and a server may run and take in more all
    the time. Stopped, by Ctrl-C or anything else, it goes on where it was when it is called again.

    Example: everlake lake rebuild --all
    """
    settings = load_settings(data)
    with open_existing_catalog(settings) as catalog:
        ids = resolve_workspace_ids(catalog, workspace, all_workspaces=every)
        staging = settings.lake_root / LAKE_FOLDER / STAGING_FOLDER
        with (
            exclusive_lock(settings.rebuild_lock, _conflict_message),
            _temporary_directory(staging) as scratch,
            exits_immediately_on_signal(scratch),
            reporting_progress(quiet=json) as watch,
            tuned_for_batches(),
        ):
            done = rebuild_each(
                ids,
                lambda one: _rebuild_workspace(settings, catalog, one, watch, scratch),
                staging,
                watch,
            )
    well = not any(one.problems for one in done)
    if json:
        print_json({"ok": well, "workspaces": done})
    else:
        for one in done:
            _print_result(one)
    if not well:
        sys.exit(1)


def _rebuild_workspace(
    settings: Settings,
    catalog: Catalog,
    workspace_id: str,
    watch: StepProgressCallback,
    scratch: Path,
) -> RebuildResult:
    presence = LivenessLock(settings.data_directory)
    writers = WriterLeases(catalog, presence.name, _WRITER_LEASE_MS)
    try:
        return make_again(
            catalog,
            open_store(settings.archive_url),
            open_lake(settings.archive_url, catalog, writers),
            writers,
            workspace_id,
            watch,
            scratch,
        )
    finally:
        presence.release()


@contextmanager
def _temporary_directory(staging: Path) -> Generator[Path]:
    """An empty directory that is gone afterwards, or else at the beginning of the next call."""
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
    return f"process {process} is at a rebuild already: wait for it, or stop it and call again"


def _print_result(done: RebuildResult) -> None:
    out.print(
        f"workspace {done.workspace_id}: {pluralize(done.records, 'record')}, "
        f"{pluralize(done.utterances, 'utterance')}",
        markup=False,
    )
    if done.kept is not None:
        out.print(
            f"The old tables held what neither archive nor catalog explains: {done.kept} keeps "
            "them. Delete it when you do not need it.",
            markup=False,
        )
    show_problems(done.problems)
