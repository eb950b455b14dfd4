"""Ids that a person may shorten to the beginning that one id alone has."""

from collections.abc import Iterable

from everlake.catalog import batches
from everlake.catalog.database import Catalog
from everlake.operations.errors import InvalidInput, ResourceKind, ResourceNotFound

_SHOWN = 3


def unique_id(kind: ResourceKind, prefix: str, ids: Iterable[str]) -> str:
    """Return the id that is ``prefix`` or, of all ``ids``, alone begins with it.

    Raises:
        ResourceNotFound: none does.
        InvalidInput: several do.
    """
    found = [each for each in ids if prefix and each.startswith(prefix)]
    if prefix in found:
        return prefix
    if not found:
        raise ResourceNotFound(kind, prefix)
    if len(found) > 1:
        shown = ", ".join(found[:_SHOWN])
        raise InvalidInput(f"more than one {kind} begins with {prefix}: write more of it ({shown})")
    return found[0]


def resolve_batch_id(catalog: Catalog, workspace_id: str, prefix: str) -> str:
    """Return the id of the workspace's batch that ``prefix`` stands for.

    Raises:
        ResourceNotFound: the workspace has no such batch.
        InvalidInput: it has several.
    """
    with catalog.snapshot() as tx:
        found = batches.find_ids(tx, workspace_id, prefix.lower(), limit=_SHOWN)
    return unique_id("batch", prefix.lower(), found)
