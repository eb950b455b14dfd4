"""Maintenance of the lake's tables by the worker that writes them."""

from contextlib import suppress

from everlake.catalog import workspaces
from everlake.catalog.database import Catalog
from everlake.lake import Lake, LakeError
from everlake.lake.writer_leases import WriterLeaseLost, WriterLeases
from everlake.logs import logger

_log = logger()


def repair_tables(catalog: Catalog, lake: Lake, writer_leases: WriterLeases) -> None:
    """Remove what a writer that was killed left unpublished in any workspace's tables.

    The next write to a table would do that too; but there may be nothing left to write, and until
    then the table may be unreadable.
    """
    with catalog.snapshot() as tx:
        ids = workspaces.list_ids(tx)
    for workspace_id in ids:
        try:
            if lake.engine.has_unpublished_versions(workspace_id):
                with writer_leases.holding(workspace_id):
                    lake.engine.repair(workspace_id)
        except (LakeError, WriterLeaseLost) as error:
            _log.warning("cannot repair tables", workspace=workspace_id, reason=str(error))


def maintain_tables(lake: Lake, writer_leases: WriterLeases) -> None:
    """Run one bounded round of maintenance on each workspace that this worker wrote recently."""
    for workspace_id in writer_leases.recently_written():
        with (
            suppress(WriterLeaseLost),  # then the worker that has the lease maintains them
            writer_leases.holding(workspace_id),
        ):
            for step in lake.engine.maintain(workspace_id):
                _log.info(
                    "maintained table",
                    workspace=workspace_id,
                    table=step.table,
                    action=step.action,
                    amount=step.amount,
                )
