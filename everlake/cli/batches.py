"""``everlake batches``: what was accepted, and how far it is."""

from typing import Annotated

import msgspec
import typer

from everlake.catalog import batches
from everlake.cli.admin import when
from everlake.cli.context import (
    DataOption,
    JsonOption,
    WorkspaceOption,
    fail,
    open_existing,
    out,
    print_json,
    print_table,
    settings_of,
    workspace_id_of,
)
from everlake.contract.batch import BatchStatus

app = typer.Typer(help="Batches and how far they are.", no_args_is_help=True, rich_markup_mode=None)


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
    with open_existing(settings_of(data)) as catalog, catalog.read() as tx:
        workspace_id = workspace_id_of(tx, workspace)
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
                when(row.created_at),
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
    with open_existing(settings_of(data)) as catalog, catalog.read() as tx:
        row = batches.get(tx, workspace_id_of(tx, workspace), batch_id)
    if row is None:
        fail(f"there is no batch {batch_id}: everlake batches list shows them")
    if json:
        known = {"failure": row.failure, "landing": row.landing_path, "refused": row.rejected_path}
        view: dict[str, object] = msgspec.to_builtins(row.view())
        print_json({**view, **{name: text for name, text in known.items() if text is not None}})
        return
    facts = {
        "batch": row.id,
        "status": row.status.value,
        "created": when(row.created_at),
        "landed": when(row.landed_at),
        "complete": when(row.completed_at),
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


@app.command("retry")
def retry_batch(
    batch_id: Annotated[str, typer.Argument(help="The batch's id.")],
    workspace: WorkspaceOption = None,
    data: DataOption = None,
) -> None:
    """Send a failed batch on from where it was, once what made it fail is mended.

    Example: everlake batches retry 0198c0de-...
    """
    with open_existing(settings_of(data)) as catalog, catalog.write() as tx:
        workspace_id = workspace_id_of(tx, workspace)
        if not batches.retry(tx, workspace_id, batch_id):
            fail(f"batch {batch_id} is not FAILED with accepted records: there is nothing to retry")
    out.print(f"batch {batch_id} is under way again: everlake batches show {batch_id}")
