"""Principals that are still valid, for connections that outlast a request's authentication."""

from collections.abc import Collection

from everlake.catalog import api_keys
from everlake.catalog.database import Connection
from everlake.identity.types import Principal, PrincipalKind


def find_active(tx: Connection, principals: Collection[Principal]) -> set[Principal]:
    """Return those of ``principals`` that are still valid: API keys that are not revoked."""
    keys = {one for one in principals if one.kind is PrincipalKind.API_KEY}
    live = api_keys.find_live_ids(tx, {key.id for key in keys})
    return {key for key in keys if key.id in live}
