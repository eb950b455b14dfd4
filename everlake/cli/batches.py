"""``everlake batches``: batches and their progress."""

from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Annotated

import typer
from msgspec import UNSET

from everlake.catalog.database import Catalog
from everlake.cli.batch_attachments import list_attachments, retry_attachments
from everlake.cli.console import (
    as_snake_case,
    fail,
    format_time,
    out,
    print_fields,
    print_json,
    print_list,
    print_table,
)
from everlake.cli.error_groups import group_message
from everlake.cli.options import (
    BatchArgument,
    DataOption,
    JsonOption,
    WorkspaceOption,
    load_settings,
)
from everlake.contract.batches import Batch, BatchStatus
from everlake.contract.rejected_records import RejectedRecord
from everlake.model.batches import BatchRow
from everlake.operations import batches
from everlake.operations.batches import BatchFilters
from everlake.operations.errors import NothingToRetry, RejectedRecordsDeleted
from everlake.operations.id_prefixes import resolve_batch_id
from everlake.operations.opening import existing_catalog
from everlake.operations.rejected_records import open_rejected_records
from everlake.operations.workspaces import resolve_workspace
from everlake.storage import open_store

app = typer.Typer(
    help="Batches and their progress.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

app.command("attachments")(list_attachments)
app.command("retry-attachments")(retry_attachments)


@app.command("list")
def list_batches(
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, help="Number of batches.")
    ] = 20,
    status: Annotated[
        BatchStatus | None,
        typer.Option("--status", help="Only batches in this status.", case_sensitive=False),
    ] = None,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """List batches, newest first.

    Example: everlake batches list --status FAILED
    """
    with existing_catalog(load_settings(data)) as catalog:
        page = batches.list_batches(
            catalog,
            resolve_workspace(catalog, workspace),
            limit=limit,
            filters=BatchFilters(status=status),
        )
    print_list(
        page.items,
        json=json,
        as_json=lambda batch: as_snake_case(batch.view()),
        headers=("BATCH", "STATUS", "CREATED", "TYPE", "SOURCE", "ACCEPTED", "REJECTED"),
        as_row=lambda batch: (
            batch.id,
            batch.status.value,
            format_time(batch.created_at),
            batch.type or "-",
            batch.source,
            batch.accepted,
            batch.rejected,
        ),
    )


@app.command("show")
def show_batch(
    batch_id: BatchArgument,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show a batch: counts, times, the first errors, and why it failed.

    Example: everlake batches show 0198c0de-...
    """
    with existing_catalog(load_settings(data)) as catalog:
        batch = _find_batch(catalog, workspace, batch_id)
    if json:
        extra = {
            "failure": batch.failure,
            "landing": batch.landing_path,
            "refused": batch.rejected_path,
        }
        view: dict[str, object] = as_snake_case(batch.view())
        print_json({**view, **{name: text for name, text in extra.items() if text is not None}})
        return
    print_fields(
        {
            "batch": batch.id,
            "status": batch.status.value,
            "created": format_time(batch.created_at),
            "landed": format_time(batch.landed_at),
            "complete": format_time(batch.completed_at),
            "type": batch.type or "-",
            "source": batch.source,
            "accepted": batch.accepted,
            "rejected": batch.rejected,
            "failure": batch.failure or "-",
            "landing object": batch.landing_path or "-",
            "rejected object": batch.rejected_path or "-",
        },
        width=16,
    )
    if batch.errors:
        print_table(
            ("INDEX", "CODE", "MESSAGE"),
            [(error.index, error.code.value, error.message) for error in batch.errors],
        )


@app.command("watch")
def watch_batch(
    batch_id: BatchArgument,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Follow a batch until it is settled; the exit code is 1 if it is FAILED then.

    A batch is settled when it is FAILED, or COMPLETE and none of its attachments is left to fetch.

    Example: everlake batches watch 0198c0de-...
    """
    report = _print_json if json else _print_progress
    with existing_catalog(load_settings(data)) as catalog:
        workspace_id = resolve_workspace(catalog, workspace)
        batch_id = resolve_batch_id(catalog, workspace_id, batch_id)
        with nullcontext() if json else out.status(f"watching batch {batch_id}"):
            for event in batches.follow_batch(catalog, workspace_id, batch_id):
                report(event.batch)
        batch = batches.get_batch(catalog, workspace_id, batch_id)
    if batch.status is BatchStatus.FAILED:
        fail(f"batch {batch_id} is FAILED: {batch.failure}")


@app.command("errors")
def list_errors(
    batch_id: BatchArgument,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, help="Number of lines of the table.")
    ] = 50,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show why records of a batch were rejected: each error, and how often it occurs.

    With --json, print each rejected record with its payload and all of its errors.

    Example: everlake batches errors 0198c0de-... --json
    """
    settings = load_settings(data)
    try:
        with existing_catalog(settings) as catalog:
            batch = _find_batch(catalog, workspace, batch_id)
            store = open_store(settings.archive_url)
            rejected = open_rejected_records(catalog, store, batch)
    except RejectedRecordsDeleted:
        if not json:
            out.print(
                "Its rejected records were deleted after EVERLAKE_KEEP_REFUSED_DAYS; "
                "everlake batches show has the first errors."
            )
        return
    if json:
        for record in rejected or ():
            print_json(record)
    elif rejected is None:
        out.print("No record of this batch was rejected.")
    else:
        _print_error_counts(rejected, limit)


@app.command("retry")
def retry_batch(
    batch_id: BatchArgument, workspace: WorkspaceOption = None, data: DataOption = None
) -> None:
    """Resume a failed batch at the stage that failed, once the cause is removed.

    Example: everlake batches retry 0198c0de-...
    """
    with existing_catalog(load_settings(data)) as catalog:
        workspace_id = resolve_workspace(catalog, workspace)
        batch_id = resolve_batch_id(catalog, workspace_id, batch_id)
        try:
            retry = batches.retry_batch(catalog, workspace_id, batch_id)
            resumed = retry.resumed
        except NothingToRetry:
            resumed = False
    if not resumed:
        fail(f"batch {batch_id} is not FAILED with accepted records: there is nothing to retry")
    out.print(f"batch {batch_id} is being processed again: everlake batches show {batch_id}")


def _find_batch(catalog: Catalog, workspace: str | None, prefix: str) -> BatchRow:
    workspace_id = resolve_workspace(catalog, workspace)
    return batches.get_batch(catalog, workspace_id, resolve_batch_id(catalog, workspace_id, prefix))


def _print_json(batch: Batch) -> None:
    print_json(as_snake_case(batch))


def _print_progress(batch: Batch) -> None:
    text = f"{batch.status:<11}{batch.acceptedCount:,} accepted, {batch.rejectedCount:,} rejected"
    if batch.attachmentDownloadTotal is not UNSET:
        text += (
            f", attachments {batch.attachmentDownloadStatus}:"
            f" {batch.attachmentDownloadComplete} of {batch.attachmentDownloadTotal}"
        )
        if batch.attachmentDownloadFailed:
            text += f", {batch.attachmentDownloadFailed} failed"
    out.print(text, markup=False)


def _print_error_counts(rejected: Iterable[RejectedRecord], limit: int) -> None:
    counts = Counter(
        (error.code.value, group_message(error.message))
        for record in rejected
        for error in record.errors
    )
    rows = [(f"{count:,}", code, message) for (code, message), count in counts.most_common(limit)]
    print_table(("COUNT", "CODE", "MESSAGE"), rows)
    if len(counts) > limit:
        out.print(f"and {len(counts) - limit:,} more: see --limit, or --json for all of them")
