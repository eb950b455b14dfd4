"""API keys (contract, Authentication). Of a secret only the SHA-256 is stored."""

import hashlib
from collections.abc import Collection, Iterable, Mapping

import msgspec
from sqlalchemy import Connection, bindparam, func, or_, select, update

from everlake.batching import chunked
from everlake.catalog.clock import now_ms
from everlake.catalog.errors import NotFound, TooManyKeys
from everlake.catalog.statements import MAX_PARAMETERS, paginate_by_creation
from everlake.catalog.table_definitions import api_keys, workspaces
from everlake.catalog.validation import validate_name, validate_permissions, validate_source
from everlake.contract.ids import new_id, new_secret
from everlake.contract.permissions import Permission

_c = api_keys.c
_COLUMNS = [column for column in _c if column.name != "secret_hash"]
_LIVE = (
    select(*_COLUMNS)
    .where(_c.secret_hash == bindparam("secret_hash"))
    .where(_c.revoked_at.is_(None))
)
_TOUCH = (
    update(api_keys)
    .where(_c.id == bindparam("key_id"))
    .where(or_(_c.last_used_at.is_(None), _c.last_used_at < bindparam("used_at")))
    .values(last_used_at=bindparam("used_at"))
)


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key without its secret. Times are Unix milliseconds.

    Attributes:
        source: the ``source`` of every batch that is sent with it.
        hint: the secret's last 4 characters.
    """

    id: str
    workspace_id: str
    label: str
    permissions: tuple[Permission, ...]
    source: str
    hint: str
    created_at: int
    last_used_at: int | None
    revoked_at: int | None


def create(
    tx: Connection,
    workspace_id: str,
    *,
    label: str,
    permissions: Collection[str],
    source: str = "api",
    max_live: int,
) -> tuple[ApiKey, str]:
    """Create a key.

    Args:
        permissions: at least one of ``PERMISSIONS``.
        source: a slug; the ``source`` of every batch that is sent with this key.
        max_live: most keys of the workspace that are not revoked, this one included.

    Returns:
        the key, and its secret, which cannot be retrieved later.

    Raises:
        ValueError: the label, the permissions or the source are not valid.
        NotFound: there is no such workspace.
        TooManyKeys: the workspace has ``max_live`` keys.
    """
    secret = new_secret()
    key = ApiKey(
        id=new_id("key"),
        workspace_id=workspace_id,
        label=validate_name(label),
        permissions=validate_permissions(permissions),
        source=validate_source(source),
        hint=secret[-4:],
        created_at=now_ms(tx),
        last_used_at=None,
        revoked_at=None,
    )
    # The workspace's row is locked, so that concurrent calls cannot exceed the limit together.
    owner = select(workspaces.c.id).where(workspaces.c.id == workspace_id).with_for_update()
    if tx.execute(owner).first() is None:
        raise NotFound(f"There is no workspace {workspace_id}.")
    live = select(func.count()).where(_c.workspace_id == workspace_id, _c.revoked_at.is_(None))
    if tx.execute(live).scalar_one() >= max_live:
        raise TooManyKeys(
            f"The workspace has {max_live} live keys, which is the limit. "
            "Revoke one that is no longer needed."
        )
    values = {**msgspec.structs.asdict(key), "secret_hash": _hash_secret(secret)}
    tx.execute(api_keys.insert(), values)
    return key, secret


def page(
    tx: Connection, workspace_id: str, *, limit: int | None, after: str | None = None
) -> list[ApiKey]:
    """Return keys by creation, oldest first, revoked ones included.

    Args:
        limit: most keys; None for all.
        after: id of the last key of the page before.
    """
    statement = paginate_by_creation(
        select(*_COLUMNS), api_keys, workspace_id, limit=limit, after=after
    )
    return [ApiKey(**row) for row in tx.execute(statement).mappings()]


def get(tx: Connection, workspace_id: str, key_id: str) -> ApiKey | None:
    """Return the workspace's key with that id, live or revoked; None when there is none."""
    statement = select(*_COLUMNS).where(_c.workspace_id == workspace_id, _c.id == key_id)
    row = tx.execute(statement).mappings().first()
    return None if row is None else ApiKey(**row)


def revoke(tx: Connection, workspace_id: str, key_id: str) -> bool:
    """Revoke a key; return False when it is unknown or was revoked before."""
    statement = (
        update(api_keys)
        .where(_c.workspace_id == workspace_id, _c.id == key_id, _c.revoked_at.is_(None))
        .values(revoked_at=now_ms(tx))
    )
    return tx.execute(statement).rowcount == 1


def find_live(tx: Connection, secret: str) -> ApiKey | None:
    """Return the key with that secret; None when there is none, or it is revoked."""
    row = tx.execute(_LIVE, {"secret_hash": _hash_secret(secret)}).mappings().first()
    return None if row is None else ApiKey(**row)


def find_live_ids(tx: Connection, ids: Iterable[str]) -> set[str]:
    """Return those of ``ids`` that are keys, of any workspace, and not revoked."""
    found: set[str] = set()
    for chunk in chunked(ids, MAX_PARAMETERS):
        statement = select(_c.id).where(_c.id.in_(chunk), _c.revoked_at.is_(None))
        found.update(tx.execute(statement).scalars())
    return found


def touch(tx: Connection, used: Mapping[str, int]) -> None:
    """Record when keys were last used (id to Unix milliseconds); earlier times are ignored."""
    if used:
        tx.execute(_TOUCH, [{"key_id": key, "used_at": at} for key, at in used.items()])


def _hash_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
