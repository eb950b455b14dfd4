"""``everlake lake rebuild``: the tables made again from the archive and the catalog."""

import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from everlake.catalog.engine import Catalog
from everlake.cli.console import counted
from everlake.cli.context import (
    DataOption,
    JsonOption,
    WorkspaceOption,
    open_existing,
    out,
    print_json,
    settings_of,
    workspace_ids_of,
)
from everlake.cli.interrupt import ends_at_once
from everlake.cli.lock import hold
from everlake.cli.problems import show_problems
from everlake.cli.progress import watching
from everlake.lake.opening import open_lake
from everlake.lake.place import STAGING
from everlake.lake.spec import FOLDER
from everlake.settings import Settings
from everlake.storage import open_store
from everlake.worker.leases import WriterLeases
from everlake.worker.presence import Presence
from everlake.worker.process import prepared
from everlake.worker.rebuild import Rebuilt, Watch, each
from everlake.worker.rebuild import rebuild as make_again

AllOption = Annotated[bool, typer.Option("--all", help="Every workspace.")]

_LEASE_MS = 10_000


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
    settings = settings_of(data)
    with open_existing(settings) as catalog:
        ids = workspace_ids_of(catalog, workspace, every=every)
        staging = settings.lake_root / FOLDER / STAGING
        with (
            hold(settings.rebuild_lock, _taken),
            _scratch(staging) as scratch,
            ends_at_once(scratch),
            watching(quiet=json) as watch,
            prepared(),
        ):
            done = each(
                ids,
                lambda one: _rebuild(settings, catalog, one, watch, scratch),
                staging,
                watch,
            )
    well = not any(one.problems for one in done)
    if json:
        print_json({"ok": well, "workspaces": done})
    else:
        for one in done:
            _say(one)
    if not well:
        sys.exit(1)


def _rebuild(
    settings: Settings, catalog: Catalog, workspace_id: str, watch: Watch, scratch: Path
) -> Rebuilt:
    presence = Presence(settings.data_directory)
    writers = WriterLeases(catalog, presence.name, _LEASE_MS)
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
        presence.leave()


@contextmanager
def _scratch(staging: Path) -> Generator[Path]:
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


def _taken(process: str) -> str:
    return f"process {process} is at a rebuild already: wait for it, or stop it and call again"


def _say(done: Rebuilt) -> None:
    out.print(
        f"workspace {done.workspace_id}: {counted(done.records, 'record')}, "
        f"{counted(done.utterances, 'utterance')}",
        markup=False,
    )
    if done.kept is not None:
        out.print(
            f"The old tables held what neither archive nor catalog explains: {done.kept} keeps "
            "them. Delete it when you do not need it.",
            markup=False,
        )
    show_problems(done.problems)
