"""``everlake batches attachments``: how far each attachment of a batch is."""

from typing import Annotated

import typer
from msgspec import UNSET

from everlake.catalog import attachments, batches
from everlake.catalog.attachments import AttachmentRow
from everlake.cli.console import pluralize
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
from everlake.contract.attachments import AttachmentFault, AttachmentStatus
from everlake.landing.attachments import retry_attachments as retry_attachments_of
from everlake.landing.lines import LandingDamaged
from everlake.storage import ObjectMissing, open_store

_PAGE_SIZE = 500


def list_attachments(
    batch_id: Annotated[str, typer.Argument(help="The batch's id.")],
    status: Annotated[
        AttachmentStatus | None, typer.Option("--status", help="Only these.", case_sensitive=False)
    ] = None,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show the attachments of a batch: whether they are here, and why not.

    Example: everlake batches attachments 0198c0de-... --status FAILED
    """
    with open_existing_catalog(load_settings(data)) as catalog, catalog.snapshot() as tx:
        if batches.get(tx, resolve_workspace_id(tx, workspace), batch_id) is None:
            fail(f"there is no batch {batch_id}: everlake batches list shows them")
        rows: list[AttachmentRow] = []
        after: tuple[int, int] | None = None
        while page := attachments.page(tx, batch_id, limit=_PAGE_SIZE, after=after, status=status):
            rows += page
            after = page[-1].line, page[-1].place
    if json:
        for row in rows:
            print_json(row.view())
        return
    if not rows:
        out.print("This batch has no attachments like that, or has not landed yet.")
        return
    print_table(
        ("ATTACHMENT", "STATUS", "TRIES", "BYTES", "TYPE", "FILE", "TEXT", "WHY"),
        [_table_row(row) for row in rows],
    )


def retry_attachments(
    batch_id: Annotated[str, typer.Argument(help="The batch's id.")],
    workspace: WorkspaceOption = None,
    data: DataOption = None,
) -> None:
    """Fetch a batch's failed attachments again, and read again the files that gave no text.

    Example: everlake batches retry-attachments 0198c0de-...
    """
    settings = load_settings(data)
    with open_existing_catalog(settings) as catalog:
        with catalog.snapshot() as tx:
            batch = batches.get(tx, resolve_workspace_id(tx, workspace), batch_id)
        if batch is None:
            fail(f"there is no batch {batch_id}: everlake batches list shows them")
        try:
            done = retry_attachments_of(catalog, open_store(settings.archive_url), batch)
        except (LandingDamaged, ObjectMissing) as error:
            fail(f"{batch.landing_path} cannot be read: {error}. Put a backup in its place.")
    out.print(
        f"to be fetched again: {pluralize(done.retried, 'attachment')}; to be read again: "
        f"{pluralize(done.texts_retried, 'file')}. everlake batches attachments {batch_id} shows them"
    )


def _table_row(row: AttachmentRow) -> tuple[object, ...]:
    shown = row.view()
    text = shown.text
    faults = [shown.error, UNSET if text is UNSET else text.error]
    return (
        row.id,
        shown.status.value,
        row.attempts,
        "-" if row.size is None else f"{row.size:,}",
        row.mime_type or "-",
        row.filename or "-",
        "-" if text is UNSET else text.status.value,
        "; ".join(
            f"{fault.code}: {fault.message}"
            for fault in faults
            if isinstance(fault, AttachmentFault)
        )
        or "-",
    )
