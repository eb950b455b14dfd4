import pytest

from everlake.catalog import api_keys
from everlake.catalog.database import Catalog
from everlake.catalog.errors import TooManyKeys
from everlake.operations.errors import InvalidInput, ResourceNotFound
from everlake.operations.keys import CreatedKey, create_key, list_keys, revoke_key
from tests.support.worker_fixture import WorkerFixture


def new_key(
    catalog: Catalog,
    workspace_id: str,
    *,
    label: str = "sync",
    permissions: tuple[str, ...] = ("api:read",),
    source: str = "api",
    max_live: int = 10,
) -> CreatedKey:
    return create_key(
        catalog,
        workspace_id,
        label=label,
        permissions=permissions,
        source=source,
        max_live=max_live,
    )


def test_a_key_is_found_by_its_secret_until_it_is_revoked(
    home: WorkerFixture, catalog: Catalog
) -> None:
    created = new_key(catalog, home.workspace_id)
    with catalog.snapshot() as tx:
        assert api_keys.find_live(tx, created.secret) == created.key

    revoke_key(catalog, home.workspace_id, created.key.id)

    with catalog.snapshot() as tx:
        assert api_keys.find_live(tx, created.secret) is None
    [_, revoked] = list_keys(catalog, home.workspace_id)
    assert revoked.id == created.key.id
    assert revoked.revoked_at is not None


def test_a_key_can_be_revoked_once_and_in_its_own_workspace(
    home: WorkerFixture, catalog: Catalog, other_workspace: str
) -> None:
    key_id = new_key(catalog, home.workspace_id).key.id

    for workspace_id, unknown in ((other_workspace, key_id), (home.workspace_id, "unknown")):
        with pytest.raises(ResourceNotFound):
            revoke_key(catalog, workspace_id, unknown)
    revoke_key(catalog, home.workspace_id, key_id)
    with pytest.raises(ResourceNotFound):
        revoke_key(catalog, home.workspace_id, key_id)
    assert all(key.revoked_at is None for key in list_keys(catalog, other_workspace))


@pytest.mark.parametrize(
    "malformed", [{"label": ""}, {"permissions": ("api:all",)}, {"source": "A B"}]
)
def test_a_malformed_key_is_not_created(
    home: WorkerFixture, catalog: Catalog, malformed: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput):
        new_key(catalog, home.workspace_id, **malformed)  # pyright: ignore[reportArgumentType]
    assert len(list_keys(catalog, home.workspace_id)) == 1


def test_revoked_keys_do_not_count_against_the_limit(home: WorkerFixture, catalog: Catalog) -> None:
    second = new_key(catalog, home.workspace_id, max_live=2)
    with pytest.raises(TooManyKeys):
        new_key(catalog, home.workspace_id, max_live=2)

    revoke_key(catalog, home.workspace_id, second.key.id)

    assert new_key(catalog, home.workspace_id, max_live=2).key.label == "sync"
