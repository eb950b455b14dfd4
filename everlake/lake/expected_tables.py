"""Expected tables: those that the catalog's batches are in, so that they must exist."""

from everlake.catalog import batch_scan
from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogUnavailable
from everlake.contract.batches import BatchStatus
from everlake.lake.lake import Lake
from everlake.tables.errors import LakeUnavailable
from everlake.tables.spec import Source, TableSpec

LANDED = (BatchStatus.LANDED, BatchStatus.PROCESSING, BatchStatus.COMPLETE)
"""Statuses of batches whose records are in the tables."""
_ANALYSED = (BatchStatus.COMPLETE,)


def check_present(catalog: Catalog, lake: Lake, *, limit: int | None = None) -> int:
    """Check that the tables are there which batches are in; return the workspaces looked at.

    Args:
        catalog: has the batches.
        lake: the tables.
        limit: most workspaces; None for all.

    Raises:
        LakeDamaged: a table is missing.
        LakeUnavailable, CatalogUnavailable
    """
    with catalog.autocommit() as tx:
        found = batch_scan.workspaces_with_accepted(tx, LANDED, limit=limit)
    for workspace_id in found:
        lake.engine.check_present(workspace_id)
    return len(found)


def find_outdated(catalog: Catalog, lake: Lake) -> list[str]:
    """Return the workspaces whose tables another version of the analysis made.

    Raises:
        LakeDamaged, LakeUnavailable, CatalogUnavailable
    """
    with catalog.autocommit() as tx:
        workspaces = batch_scan.workspaces_with_accepted(tx, LANDED, limit=None)
    analysed = [spec for spec in lake.registry.specs if spec.analysis_version is not None]
    return [each for each in workspaces if any(_is_outdated(lake, each, one) for one in analysed)]


def _is_outdated(lake: Lake, workspace_id: str, spec: TableSpec) -> bool:
    now = lake.engine.table(workspace_id, spec).latest()
    return now is not None and now.analysis_version != spec.analysis_version


class ExpectedTables:
    """Tells which tables must exist, by the batches of their workspace.

    Args:
        catalog: has the batches.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def is_expected(self, workspace_id: str, spec: TableSpec) -> bool:
        """Return whether batches are in this table of a workspace.

        Raises:
            LakeUnavailable: the catalog cannot be read now.
        """
        if not spec.since_first_release:
            return False
        statuses = _ANALYSED if Source.ANALYSIS in spec.derived_from else LANDED
        try:
            with self._catalog.autocommit() as tx:
                return batch_scan.has_accepted(tx, workspace_id, statuses)
        except CatalogUnavailable as error:
            raise LakeUnavailable(
                f"The catalog, which knows the lake's tables, is unavailable: {error}"
            ) from error
