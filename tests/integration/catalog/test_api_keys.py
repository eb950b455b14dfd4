from pathlib import Path

import pytest

from everlake.catalog import api_keys
from everlake.catalog.database import Catalog
from everlake.catalog.errors import NotFound, TooManyKeys
from everlake.contract.ids import new_secret
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture, run_concurrently


def make(home: CatalogFixture, catalog: Catalog | None = None) -> tuple[api_keys.ApiKey, str]:
    with (catalog or home.catalog).transaction() as tx:
        return api_keys.create(
            tx, home.workspace_id, label="l", permissions=["api:read"], max_live=10
        )


def live(home: CatalogFixture) -> list[api_keys.ApiKey]:
    with home.catalog.snapshot() as tx:
        page = api_keys.page(tx, home.workspace_id, limit=100)
    return [key for key in page if key.revoked_at is None]


def test_a_key_is_found_by_its_secret(home: CatalogFixture) -> None:
    key, secret = make(home)
    with home.catalog.snapshot() as tx:
        assert api_keys.find_live(tx, secret) == key
        assert api_keys.get(tx, home.workspace_id, key.id) == key
    assert secret.startswith("em_sk_")
    assert key.hint == secret[-4:]
    assert key.source == "api"


@pytest.mark.parametrize("secret", ["", "em_sk_", "\ud800", "em_sk_" + "a" * 100_000])
def test_no_key_is_found_by_another_secret(home: CatalogFixture, secret: str) -> None:
    _, real = make(home)
    with home.catalog.snapshot() as tx:
        assert api_keys.find_live(tx, secret) is None
        assert api_keys.find_live(tx, new_secret()) is None
        assert api_keys.find_live(tx, real + " ") is None
        assert api_keys.find_live(tx, real.upper()) is None


def test_the_secret_is_nowhere_on_the_disk(home: CatalogFixture, tmp_path: Path) -> None:
    _, secret = make(home)
    for path in tmp_path.iterdir():
        assert secret.encode() not in path.read_bytes()
        assert secret.removeprefix("em_sk_").encode() not in path.read_bytes()


def test_permissions_are_unique_and_ordered(home: CatalogFixture) -> None:
    with home.catalog.transaction() as tx:
        key, secret = api_keys.create(
            tx,
            home.workspace_id,
            label="l",
            permissions=["mcp:read", "api:read", "mcp:read"],
            source="zen-desk_2",
            max_live=10,
        )
        assert api_keys.find_live(tx, secret) == key
    assert key.permissions == ("api:read", "mcp:read")
    assert key.source == "zen-desk_2"


@pytest.mark.parametrize("permissions", [[], ["api:admin"], ["api:read", ""]])
def test_permissions_must_be_known_and_not_empty(
    home: CatalogFixture, permissions: list[str]
) -> None:
    with home.catalog.transaction() as tx, pytest.raises(ValueError, match="permissions"):
        api_keys.create(tx, home.workspace_id, label="l", permissions=permissions, max_live=10)


@pytest.mark.parametrize("source", ["", "Slack", "-a", "_a", "a" * 65, "a/b", "a\n", "é"])
def test_a_source_must_be_a_slug(home: CatalogFixture, source: str) -> None:
    with home.catalog.transaction() as tx, pytest.raises(ValueError, match="source"):
        api_keys.create(
            tx,
            home.workspace_id,
            label="l",
            permissions=["api:read"],
            source=source,
            max_live=10,
        )


def test_a_key_needs_a_label_and_a_workspace(home: CatalogFixture) -> None:
    with home.catalog.transaction() as tx:
        with pytest.raises(ValueError, match="label"):
            api_keys.create(tx, home.workspace_id, label=" ", permissions=["api:read"], max_live=10)
        with pytest.raises(NotFound, match="nowhere"):
            api_keys.create(tx, "nowhere", label="l", permissions=["api:read"], max_live=10)


def test_a_revoked_key_is_not_found_by_its_secret_and_stays_in_the_list(
    home: CatalogFixture,
) -> None:
    key, secret = make(home)
    with home.catalog.transaction() as tx:
        assert api_keys.revoke(tx, home.workspace_id, key.id)
        assert not api_keys.revoke(tx, home.workspace_id, key.id)
        assert api_keys.find_live(tx, secret) is None
        stored = api_keys.get(tx, home.workspace_id, key.id)
        assert stored is not None
        assert stored.revoked_at is not None
        assert stored in api_keys.page(tx, home.workspace_id, limit=10)


def test_a_workspace_sees_and_revokes_only_its_own_keys(home: CatalogFixture) -> None:
    neighbour = catalog_fixture(home.catalog)
    with home.catalog.transaction() as tx:
        assert api_keys.get(tx, home.workspace_id, neighbour.key_id) is None
        assert not api_keys.revoke(tx, home.workspace_id, neighbour.key_id)
        assert [key.id for key in api_keys.page(tx, home.workspace_id, limit=10)] == [home.key_id]


def test_no_key_is_created_beyond_the_limit_until_one_is_revoked(home: CatalogFixture) -> None:
    for _ in range(9):
        make(home)
    with pytest.raises(TooManyKeys, match="Revoke one"):
        make(home)
    catalog_fixture(home.catalog)
    with home.catalog.transaction() as tx:
        api_keys.revoke(tx, home.workspace_id, home.key_id)
    make(home)
    with pytest.raises(TooManyKeys):
        make(home)
    assert len(live(home)) == 10


def test_concurrent_calls_cannot_exceed_the_limit_of_keys(
    home: CatalogFixture, other: Catalog
) -> None:
    for _ in range(8):
        make(home)

    def attempt(number: int) -> bool:
        try:
            make(home, other if number else home.catalog)
        except TooManyKeys:
            return False
        return True

    assert sorted(run_concurrently(2, attempt)) == [False, True]
    assert len(live(home)) == 10


def test_the_time_of_last_use_never_moves_backwards(home: CatalogFixture) -> None:
    second, _ = make(home)
    used = [
        {home.key_id: 5_000, second.id: 6_000},
        {home.key_id: 4_000, second.id: 7_000, "unknown": 1},
        {},
    ]
    for times in used:
        with home.catalog.transaction() as tx:
            api_keys.touch(tx, times)
    assert {key.id: key.last_used_at for key in live(home)} == {
        home.key_id: 5_000,
        second.id: 7_000,
    }


def test_pages_of_keys_hold_each_one_once(home: CatalogFixture) -> None:
    made = {home.key_id} | {make(home)[0].id for _ in range(6)}
    seen: list[str] = []
    with home.catalog.snapshot() as tx:
        while rows := api_keys.page(
            tx, home.workspace_id, limit=3, after=seen[-1] if seen else None
        ):
            seen.extend(row.id for row in rows)
    assert len(seen) == 7
    assert set(seen) == made


def test_live_keys_among_many_are_found_by_one_statement(home: CatalogFixture) -> None:
    made = [make(home)[0].id for _ in range(3)]
    theirs = make(catalog_fixture(home.catalog))[0].id
    with home.catalog.transaction() as tx:
        api_keys.revoke(tx, home.workspace_id, made[1])
        asked = [*made, theirs, "unknown", *(f"key_{n}" for n in range(1_000))]
        assert api_keys.find_live_ids(tx, asked) == {made[0], made[2], theirs}
        assert api_keys.find_live_ids(tx, []) == set()
