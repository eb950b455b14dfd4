"""Operations on the API keys of a workspace."""

from collections.abc import Collection

import msgspec

from everlake.catalog import api_keys
from everlake.catalog.api_keys import ApiKey
from everlake.catalog.database import Catalog
from everlake.operations.errors import InvalidInput, ResourceNotFound


class CreatedKey(msgspec.Struct, frozen=True):
    """A new API key and its secret, which is not stored and cannot be shown again."""

    key: ApiKey
    secret: str


def create_key(
    catalog: Catalog,
    workspace_id: str,
    *,
    label: str,
    permissions: Collection[str],
    source: str,
    max_live: int,
) -> CreatedKey:
    """Create an API key.

    Args:
        label: what the key is for.
        permissions: at least one of :data:`everlake.contract.permissions.PERMISSIONS`.
        source: the ``source`` of every batch sent with the key, such as ``slack``.
        max_live: keys that a workspace may have, without the revoked ones.

    Raises:
        InvalidInput: the label, a permission or the source is malformed.
        TooManyKeys: the workspace has ``max_live`` keys.
    """
    with catalog.transaction() as tx:
        try:
            key, secret = api_keys.create(
                tx,
                workspace_id,
                label=label,
                permissions=permissions,
                source=source,
                max_live=max_live,
            )
        except ValueError as error:
            raise InvalidInput(str(error)) from error
    return CreatedKey(key, secret)


def list_keys(catalog: Catalog, workspace_id: str) -> list[ApiKey]:
    """Return all keys of a workspace, revoked ones as well, oldest first."""
    with catalog.snapshot() as tx:
        return api_keys.page(tx, workspace_id, limit=None)


def revoke_key(catalog: Catalog, workspace_id: str, key_id: str) -> None:
    """Revoke a key; within a second no API process accepts it.

    Raises:
        ResourceNotFound: the workspace has no such key, or it is revoked already.
    """
    with catalog.transaction() as tx:
        if not api_keys.revoke(tx, workspace_id, key_id):
            raise ResourceNotFound("live key", key_id)
