"""``everlake batches attachments`` and ``retry-attachments``."""

from typing import Annotated

import typer
from msgspec import UNSET

from everlake.cli.console import out, pluralize, print_list
from everlake.cli.options import (
    DataOption,
    JsonOption,
    WorkspaceOption,
    load_settings,
)
from everlake.contract.attachments import AttachmentFault, AttachmentStatus, BatchAttachment
from everlake.operations import attachments
from everlake.operations.id_prefixes import resolve_batch_id
from everlake.operations.opening import existing_catalog
from everlake.operations.workspaces import resolve_workspace
from everlake.storage import open_store


def list_attachments(
    batch_id: Annotated[
        str, typer.Argument(help="Id of the batch, or a beginning that no other has.")
    ],
    status: Annotated[
        AttachmentStatus | None,
        typer.Option("--status", help="Only attachments in this status.", case_sensitive=False),
    ] = None,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show the attachments of a batch: which are stored, and why others are not.

    Example: everlake batches attachments 0198c0de-... --status FAILED
    """
    with existing_catalog(load_settings(data)) as catalog:
        workspace_id = resolve_workspace(catalog, workspace)
        batch_id = resolve_batch_id(catalog, workspace_id, batch_id)
        page = attachments.list_batch_attachments(
            catalog, workspace_id, batch_id, limit=None, status=status
        )
    if not page.items and not json:
        out.print("This batch has no such attachments, or has not landed yet.")
        return
    print_list(
        [row.view() for row in page.items],
        json=json,
        as_json=lambda attachment: attachment,
        headers=("ATTACHMENT", "STATUS", "ATTEMPTS", "BYTES", "TYPE", "FILE", "TEXT", "ERROR"),
        as_row=_as_row,
    )


def retry_attachments(
    batch_id: Annotated[
        str, typer.Argument(help="Id of the batch, or a beginning that no other has.")
    ],
    workspace: WorkspaceOption = None,
    data: DataOption = None,
) -> None:
    """Fetch a batch's failed attachments again, and extract its failed texts again.

    Example: everlake batches retry-attachments 0198c0de-...
    """
    settings = load_settings(data)
    with existing_catalog(settings) as catalog:
        workspace_id = resolve_workspace(catalog, workspace)
        batch_id = resolve_batch_id(catalog, workspace_id, batch_id)
        done = attachments.retry_batch_attachments(
            catalog, open_store(settings.archive_url), workspace_id, batch_id
        )
    out.print(
        f"to be fetched again: {pluralize(done.retried, 'attachment')}; texts to be extracted "
        f"again: {pluralize(done.texts_retried, 'file')}. "
        f"everlake batches attachments {batch_id} shows them"
    )


def _as_row(attachment: BatchAttachment) -> tuple[object, ...]:
    text = attachment.text
    errors = [attachment.error, UNSET if text is UNSET else text.error]
    return (
        attachment.attachment_id,
        attachment.status.value,
        attachment.attempts,
        "-" if attachment.size is UNSET else f"{attachment.size:,}",
        attachment.mime_type or "-",
        attachment.filename or "-",
        "-" if text is UNSET else text.status.value,
        "; ".join(
            f"{error.code}: {error.message}"
            for error in errors
            if isinstance(error, AttachmentFault)
        )
        or "-",
    )
