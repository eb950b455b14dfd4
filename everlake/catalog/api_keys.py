"""API keys (contract, Authentication). A secret is told once; only its SHA-256 is stored."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping

import msgspec
from sqlalchemy import Connection, bindparam, func, or_, select, update

from everlake.catalog.errors import NotFound, TooManyKeys
from everlake.catalog.statements import chunked, now_ms, paginate_by_creation, validate_name
from everlake.catalog.table_definitions import api_keys, workspaces
from everlake.contract.ids import new_id, new_secret
from everlake.contract.permissions import PERMISSIONS, Permission

_SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

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
    """One key without its secret; ``hint`` is the secret's last 4 characters."""

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
    """A new key and its secret, which cannot be had again.

    Args:
        permissions: at least one of ``PERMISSIONS``.
        source: a slug; the ``source`` of every batch that comes with this key.
        max_live: how many keys that are not revoked the workspace may have, this one included.

    Raises:
        ValueError: label, permissions or source are not as they must be.
        NotFound: there is no such workspace.
        TooManyKeys: the workspace has ``max_live`` keys.
    """
    secret = new_secret()
    key = ApiKey(
        id=new_id("key"),
        workspace_id=workspace_id,
        label=validate_name(label),
        permissions=_validate_permissions(permissions),
        source=_validate_source(source),
        hint=secret[-4:],
        created_at=now_ms(),
        last_used_at=None,
        revoked_at=None,
    )
    # The workspace's row is locked, so that of two that make the last key one is refused.
    owner = select(workspaces.c.id).where(workspaces.c.id == workspace_id).with_for_update()
    if tx.execute(owner).first() is None:
        raise NotFound(f"There is no workspace {workspace_id}.")
    live = select(func.count()).where(_c.workspace_id == workspace_id, _c.revoked_at.is_(None))
    if tx.execute(live).scalar_one() >= max_live:
        raise TooManyKeys(
            f"The workspace has {max_live} live keys, which is all it may have. "
            "Revoke one that is not needed any more."
        )
    values = {**msgspec.structs.asdict(key), "secret_hash": _hash_secret(secret)}
    tx.execute(api_keys.insert(), values)
    return key, secret


def page(
    tx: Connection, workspace_id: str, *, limit: int, after: str | None = None
) -> list[ApiKey]:
    """Keys by creation, oldest first, revoked ones too; ``after`` is the last one's id."""
    statement = paginate_by_creation(
        select(*_COLUMNS), api_keys, workspace_id, limit=limit, after=after
    )
    return [ApiKey(**row) for row in tx.execute(statement).mappings()]


def get(tx: Connection, workspace_id: str, key_id: str) -> ApiKey | None:
    """The workspace's key with that id, live or revoked."""
    statement = select(*_COLUMNS).where(_c.workspace_id == workspace_id, _c.id == key_id)
    row = tx.execute(statement).mappings().first()
    return None if row is None else ApiKey(**row)


def revoke(tx: Connection, workspace_id: str, key_id: str) -> bool:
    """Whether this call revoked the key: False where it is unknown or was revoked before."""
    statement = (
        update(api_keys)
        .where(_c.workspace_id == workspace_id, _c.id == key_id, _c.revoked_at.is_(None))
        .values(revoked_at=now_ms())
    )
    return tx.execute(statement).rowcount == 1


def find_live(tx: Connection, secret: str) -> ApiKey | None:
    """The key with that secret, unless it is revoked."""
    row = tx.execute(_LIVE, {"secret_hash": _hash_secret(secret)}).mappings().first()
    return None if row is None else ApiKey(**row)


def find_live_ids(tx: Connection, ids: Iterable[str]) -> set[str]:
    """Which of ``ids`` are keys that are not revoked, of any workspace."""
    found: set[str] = set()
    for chunk in chunked(ids):
        statement = select(_c.id).where(_c.id.in_(chunk), _c.revoked_at.is_(None))
        found.update(tx.execute(statement).scalars())
    return found


def touch(tx: Connection, used: Mapping[str, int]) -> None:
    """Note when keys were last used (key id to Unix milliseconds); never moves backwards."""
    if used:
        tx.execute(_TOUCH, [{"key_id": key, "used_at": at} for key, at in used.items()])


def _hash_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _validate_permissions(given: Collection[str]) -> tuple[Permission, ...]:
    wanted = set(given)
    if not wanted or not wanted.issubset(PERMISSIONS):
        raise ValueError("permissions must be one or more of " + ", ".join(PERMISSIONS))
    return tuple(p for p in PERMISSIONS if p in wanted)


def _validate_source(text: str) -> str:
    if not _SOURCE.fullmatch(text):
        raise ValueError(
            f"{text[:64]!r} cannot be a source: use 1 to 64 of the characters a-z 0-9 _ -, "
            "beginning with a letter or a digit"
        )
    return text
