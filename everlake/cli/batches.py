"""``everlake batches``: what was accepted, and how far it is."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Annotated

import msgspec
import typer
from msgspec import UNSET

from everlake.catalog import batch_queue, batches
from everlake.catalog.batch_events import EventId, events_since
from everlake.catalog.batches import BatchRow
from everlake.catalog.database import Catalog
from everlake.cli.admin import format_time
from everlake.cli.batch_attachments import list_attachments, retry_attachments
from everlake.cli.context import (
    DataOption,
    JsonOption,
    WorkspaceOption,
    fail,
    load_settings,
    open_existing_catalog,
    out,
    print_json,
    print_table,
    resolve_workspace_id,
)
from everlake.contract.batches import Batch, BatchStatus
from everlake.contract.rejected_records import RefusedRecord
from everlake.landing.lines import LandingDamaged
from everlake.landing.rejected import read_rejected
from everlake.storage import open_store

_POLL_SECONDS = 0.1
_INDEX = re.compile(r"\[\d+\]", re.ASCII)

app = typer.Typer(
    help="Batches and how far they are.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

app.command("attachments")(list_attachments)
app.command("retry-attachments")(retry_attachments)


@app.command("list")
def list_batches(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many.")] = 20,
    status: Annotated[
        BatchStatus | None, typer.Option("--status", help="Only these.", case_sensitive=False)
    ] = None,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """List batches, newest first.

    Example: everlake batches list --status FAILED
    """
    with open_existing_catalog(load_settings(data)) as catalog, catalog.snapshot() as tx:
        workspace_id = resolve_workspace_id(tx, workspace)
        rows = batches.page(tx, workspace_id, limit=limit, status=status)
    if json:
        for row in rows:
            print_json(row.view())
        return
    print_table(
        ("BATCH", "STATUS", "CREATED", "TYPE", "SOURCE", "ACCEPTED", "REFUSED"),
        [
            (
                row.id,
                row.status.value,
                format_time(row.created_at),
                row.type or "-",
                row.source,
                row.accepted,
                row.rejected,
            )
            for row in rows
        ],
    )


@app.command("show")
def show_batch(
    batch_id: Annotated[str, typer.Argument(help="The batch's id.")],
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show one batch: its counts, its times, its first errors, and why it failed.

    Example: everlake batches show 0198c0de-...
    """
    with open_existing_catalog(load_settings(data)) as catalog, catalog.snapshot() as tx:
        row = _require_batch(
            batches.get(tx, resolve_workspace_id(tx, workspace), batch_id), batch_id
        )
    if json:
        known = {"failure": row.failure, "landing": row.landing_path, "refused": row.rejected_path}
        view: dict[str, object] = msgspec.to_builtins(row.view())
        print_json({**view, **{name: text for name, text in known.items() if text is not None}})
        return
    facts = {
        "batch": row.id,
        "status": row.status.value,
        "created": format_time(row.created_at),
        "landed": format_time(row.landed_at),
        "complete": format_time(row.completed_at),
        "type": row.type or "-",
        "source": row.source,
        "accepted": row.accepted,
        "refused": row.rejected,
        "failure": row.failure or "-",
        "landing object": row.landing_path or "-",
        "refused object": row.rejected_path or "-",
    }
    for name, value in facts.items():
        out.print(f"{name:<15}{value}", markup=False)
    if row.errors:
        print_table(
            ("INDEX", "CODE", "WHY"), [(e.index, e.code.value, e.message) for e in row.errors]
        )


@app.command("watch")
def watch_batch(
    batch_id: Annotated[str, typer.Argument(help="The batch's id.")],
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Follow a batch to its end; the exit code is 1 when it is FAILED.

    That is when it is COMPLETE and its attachments are fetched or have failed too.

    Example: everlake batches watch 0198c0de-...
    """
    with open_existing_catalog(load_settings(data)) as catalog:
        with catalog.snapshot() as tx:
            workspace_id = resolve_workspace_id(tx, workspace)
        with nullcontext() if json else out.status(f"watching batch {batch_id}"):
            row = _watch_until_settled(
                catalog, workspace_id, batch_id, print_json if json else _print_progress
            )
    if row.status is BatchStatus.FAILED:
        fail(f"batch {batch_id} is FAILED: {row.failure}")


def _watch_until_settled(
    catalog: Catalog, workspace_id: str, batch_id: str, report: Callable[[Batch], None]
) -> BatchRow:
    """Tell of each change of the batch; return it as it is in the end."""
    mark: EventId | None = None
    while True:
        seen = catalog.change_counter()
        with catalog.snapshot() as tx:
            row = _require_batch(batches.get(tx, workspace_id, batch_id), batch_id)
        for change in events_since(row, mark):
            mark = change.event_id
            report(change.batch)
        if row.is_settled:
            return row
        while catalog.change_counter() == seen:
            time.sleep(_POLL_SECONDS)


def _print_progress(batch: Batch) -> None:
    words = f"{batch.status:<11}{batch.acceptedCount:,} accepted, {batch.rejectedCount:,} refused"
    if batch.attachmentDownloadTotal is not UNSET:
        words += (
            f", attachments {batch.attachmentDownloadStatus}:"
            f" {batch.attachmentDownloadComplete} of {batch.attachmentDownloadTotal}"
        )
        if batch.attachmentDownloadFailed:
            words += f", {batch.attachmentDownloadFailed} failed"
    out.print(words, markup=False)


@app.command("errors")
def list_errors(
    batch_id: Annotated[str, typer.Argument(help="The batch's id.")],
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, help="How many lines of the table.")
    ] = 50,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show why records of a batch were refused: each error and how often it is there.

    With --json each refused record is a line, with its payload and all of its errors.

    Example: everlake batches errors 0198c0de-... --json
    """
    settings = load_settings(data)
    with open_existing_catalog(settings) as catalog, catalog.snapshot() as tx:
        row = _require_batch(
            batches.get(tx, resolve_workspace_id(tx, workspace), batch_id), batch_id
        )
    if row.rejected_path is None:
        if not json:
            out.print(
                "Its refused records were deleted after EVERLAKE_KEEP_REFUSED_DAYS; "
                "everlake batches show has the first errors."
                if row.rejected_records_deleted
                else "No record of this batch was refused."
            )
        return
    refused = read_rejected(open_store(settings.archive_url).get(row.rejected_path))
    try:
        if json:
            for record in refused:
                print_json(record)
        else:
            _print_counts(refused, limit)
    except LandingDamaged as error:
        fail(f"{row.rejected_path} is damaged: {error}. Put a backup in its place.")


def _print_counts(refused: Iterable[RefusedRecord], limit: int) -> None:
    # Which one of a list breaks the rule makes no other kind of error.
    counts = Counter(
        (fault.code.value, _INDEX.sub("[n]", fault.message))
        for record in refused
        for fault in record.errors
    )
    rows = [(f"{count:,}", code, message) for (code, message), count in counts.most_common(limit)]
    print_table(("COUNT", "CODE", "WHY"), rows)
    if len(counts) > limit:
        out.print(f"and {len(counts) - limit:,} more: see --limit, or --json for all of them")


@app.command("retry")
def retry_batch(
    batch_id: Annotated[str, typer.Argument(help="The batch's id.")],
    workspace: WorkspaceOption = None,
    data: DataOption = None,
) -> None:
    """Send a failed batch on from where it was, once what made it fail is mended.

    Example: everlake batches retry 0198c0de-...
    """
    with open_existing_catalog(load_settings(data)) as catalog, catalog.transaction() as tx:
        workspace_id = resolve_workspace_id(tx, workspace)
        if not batch_queue.retry_failed(tx, workspace_id, batch_id, now=catalog.now_ms()):
            fail(f"batch {batch_id} is not FAILED with accepted records: there is nothing to retry")
    out.print(f"batch {batch_id} is under way again: everlake batches show {batch_id}")


def _require_batch(row: BatchRow | None, batch_id: str) -> BatchRow:
    """The batch, which the catalog was asked for.

    Raises:
        CommandError: it is not there.
    """
    if row is None:
        fail(f"there is no batch {batch_id}: everlake batches list shows them")
    return row
