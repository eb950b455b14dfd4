"""``everlake lake verify``: whether archive, catalog and tables agree."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from everlake.analysis.utterances import extract
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
from everlake.cli.problems import show_problems
from everlake.cli.progress import Watch, watching
from everlake.lake.opening import open_lake
from everlake.lake.verify import Verified
from everlake.lake.verify import verify as look_at
from everlake.landing.lines import LandedRecord
from everlake.settings import Settings
from everlake.storage import open_store
from everlake.worker.process import prepared


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
    settings = settings_of(data)
    with (
        open_existing(settings) as catalog,
        TemporaryDirectory(prefix="everlake-verify-") as scratch,
        ends_at_once(Path(scratch)),
        watching(quiet=json) as watch,
        prepared(),
    ):
        ids = workspace_ids_of(catalog, workspace, every=every)
        done = [_verify(settings, catalog, each, watch, Path(scratch)) for each in ids]
    well = not any(each.problems for each in done)
    if json:
        print_json({"ok": well, "workspaces": done})
    else:
        for each in done:
            _say(each)
    if not well:
        sys.exit(1)


def _verify(
    settings: Settings, catalog: Catalog, workspace_id: str, watch: Watch, scratch: Path
) -> Verified:
    return look_at(
        catalog,
        open_store(settings.archive_url),
        open_lake(settings.archive_url, catalog),
        workspace_id,
        says=_says,
        watch=watch,
        directory=scratch,
    )


def _says(record: LandedRecord) -> bool:
    return bool(extract(record.record_type, record.data, record.participants))


def _say(done: Verified) -> None:
    how = counted(len(done.problems), "problem") if done.problems else "all is well"
    what = f"{counted(done.batches, 'batch')}, {counted(done.records, 'record')}"
    out.print(f"workspace {done.workspace_id}: {what}, {how}", markup=False)
    show_problems(done.problems)
    if done.orphans:
        out.print(
            f"{counted(len(done.orphans), 'object')} of no batch (one is {done.orphans[0]}). "
            "A crash leaves such; a worker moves them to orphans/.",
            markup=False,
        )
