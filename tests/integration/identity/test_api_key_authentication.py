"""API keys against a real catalog: what is cached and for how long, and what is written back."""

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager

import msgspec
import pytest

from everlake.catalog import api_keys, sqlite, workspaces
from everlake.catalog.api_keys import ApiKey
from everlake.catalog.database import Catalog, Connection
from everlake.catalog.errors import CatalogUnavailable
from everlake.identity import api_key_authentication
from everlake.identity.activity import find_active
from everlake.identity.api_key_authentication import ApiKeyAuthenticator, api_key_principal
from everlake.identity.errors import IdentityError, IdentityUnavailable, InvalidCredential
from everlake.identity.types import Credential, Principal, PrincipalKind

NOW = 1_700_000_000_000


@pytest.fixture
def key(catalog: Catalog) -> tuple[ApiKey, Credential]:
    with catalog.transaction() as tx:
        workspace = workspaces.create(tx, name="Acme")
        made, secret = api_keys.create(
            tx,
            workspace.id,
            label="first",
            permissions=["api:write", "api:read"],
            source="crm",
            max_live=10,
        )
    return made, Credential("api_key", secret)


def authenticate(authenticator: ApiKeyAuthenticator, credential: Credential | None) -> Principal:
    return asyncio.run(authenticator.authenticate(credential))


def revoke(catalog: Catalog, key: ApiKey) -> None:
    with catalog.transaction() as tx:
        assert api_keys.revoke(tx, key.workspace_id, key.id)


def last_used(catalog: Catalog, key: ApiKey) -> int | None:
    with catalog.snapshot() as tx:
        row = api_keys.get(tx, key.workspace_id, key.id)
    assert row is not None
    return row.last_used_at


@contextmanager
def unavailable() -> Generator[Connection]:
    raise CatalogUnavailable("The database is busy.")
    yield


def test_the_principal_has_what_its_key_has(
    catalog: Catalog, key: tuple[ApiKey, Credential]
) -> None:
    row, credential = key
    assert authenticate(ApiKeyAuthenticator(catalog), credential) == Principal(
        kind=PrincipalKind.API_KEY,
        id=row.id,
        workspace_id=row.workspace_id,
        permissions=frozenset({"api:read", "api:write"}),
        source="crm",
    )


@pytest.mark.parametrize("secret", [None, "", "hello", "em_sk_short", "em_sk_" + "A" * 43])
def test_no_malformed_and_unknown_credentials_are_invalid(
    catalog: Catalog, key: tuple[ApiKey, Credential], secret: str | None
) -> None:
    credential = None if secret is None else Credential("api_key", secret)
    with pytest.raises(InvalidCredential, match="A live API key is needed"):
        authenticate(ApiKeyAuthenticator(catalog), credential)


def test_a_malformed_secret_is_not_looked_up(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "autocommit", unavailable)
    with pytest.raises(InvalidCredential):
        authenticate(ApiKeyAuthenticator(catalog), Credential("api_key", "hello"))


def test_a_revoked_key_is_rejected_within_a_second(
    catalog: Catalog, key: tuple[ApiKey, Credential]
) -> None:
    row, credential = key
    authenticator = ApiKeyAuthenticator(catalog)
    authenticate(authenticator, credential)
    revoke(catalog, row)
    revoked_at = time.monotonic()

    error: IdentityError | None = None
    while error is None and time.monotonic() < revoked_at + 30:
        try:
            authenticate(authenticator, credential)
        except InvalidCredential as raised:
            error = raised
        time.sleep(0.01)

    assert isinstance(error, InvalidCredential)
    assert api_key_authentication.CACHE_SECONDS < 1.0


def test_within_half_a_second_the_catalog_is_not_asked_again(
    catalog: Catalog, key: tuple[ApiKey, Credential], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, credential = key
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    authenticator = ApiKeyAuthenticator(catalog)
    principal = authenticate(authenticator, credential)
    monkeypatch.setattr(catalog, "autocommit", unavailable)

    now[0] += 0.49
    assert authenticate(authenticator, credential) == principal
    now[0] += 0.02
    with pytest.raises(IdentityUnavailable, match="database is busy"):
        authenticate(authenticator, credential)


def test_the_cache_keeps_to_its_bound(
    catalog: Catalog, key: tuple[ApiKey, Credential], monkeypatch: pytest.MonkeyPatch
) -> None:
    row, credential = key
    monkeypatch.setattr(api_key_authentication, "_MAX_CACHED", 3)
    authenticator = ApiKeyAuthenticator(catalog)
    for _ in range(5):
        with catalog.transaction() as tx:
            _, secret = api_keys.create(
                tx, row.workspace_id, label="k", permissions=["api:read"], max_live=10
            )
        authenticate(authenticator, Credential("api_key", secret))
        assert len(authenticator._cache) <= 3
    assert authenticate(authenticator, credential) == api_key_principal(row)


def test_a_catalog_that_does_not_answer_makes_identity_unavailable(
    catalog: Catalog, key: tuple[ApiKey, Credential], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, credential = key
    found = api_keys.find_live

    def find_late(tx: Connection, secret: str) -> ApiKey | None:
        time.sleep(0.5)
        return found(tx, secret)

    monkeypatch.setattr(api_keys, "find_live", find_late)
    with pytest.raises(IdentityUnavailable, match="does not answer in time"):
        authenticate(ApiKeyAuthenticator(catalog, timeout=0.05), credential)


def test_the_time_of_use_is_written_later_and_never_moves_back(
    catalog: Catalog, key: tuple[ApiKey, Credential], monkeypatch: pytest.MonkeyPatch
) -> None:
    row, credential = key
    authenticator = ApiKeyAuthenticator(catalog)
    monkeypatch.setattr(sqlite, "local_now_ms", lambda: NOW)
    authenticate(authenticator, credential)
    assert last_used(catalog, row) is None
    authenticator.touch()
    assert last_used(catalog, row) == NOW

    monkeypatch.setattr(sqlite, "local_now_ms", lambda: NOW - 5_000)
    authenticate(authenticator, credential)
    authenticator.touch()
    assert last_used(catalog, row) == NOW


def test_times_that_cannot_be_written_are_no_error(
    catalog: Catalog, key: tuple[ApiKey, Credential], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, credential = key
    authenticator = ApiKeyAuthenticator(catalog)
    authenticate(authenticator, credential)
    monkeypatch.setattr(catalog, "transaction", unavailable)
    authenticator.touch()


def test_a_principal_is_active_until_its_key_is_revoked(
    catalog: Catalog, key: tuple[ApiKey, Credential]
) -> None:
    row, _ = key
    principal = api_key_principal(row)
    unknown = msgspec.structs.replace(principal, id="key_unknown")
    member = msgspec.structs.replace(principal, kind=PrincipalKind.MEMBER)
    with catalog.snapshot() as tx:
        assert find_active(tx, {principal, unknown, member}) == {principal}
    revoke(catalog, row)
    with catalog.snapshot() as tx:
        assert find_active(tx, {principal}) == set()
