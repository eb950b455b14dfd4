from everlake.catalog import leases
from everlake.catalog.database import Catalog
from everlake.catalog.leases import Lease
from tests.support.catalog_fixture import run_concurrently


def acquire(catalog: Catalog, owner: str, now: int, name: str = "lake") -> Lease | None:
    with catalog.transaction() as tx:
        return leases.acquire(tx, name, owner=owner, now=now, ttl_ms=100)


def test_a_free_lease_is_acquired(catalog: Catalog) -> None:
    assert acquire(catalog, "a", 1_000) == Lease(name="lake", owner="a", fence=1, until=1_100)


def test_a_held_lease_is_not_acquired_by_others(catalog: Catalog) -> None:
    acquire(catalog, "a", 1_000)
    assert acquire(catalog, "b", 1_099) is None
    assert acquire(catalog, "b", 1_099, name="other lake") is not None


def test_the_owner_can_acquire_again_and_keeps_its_fence(catalog: Catalog) -> None:
    acquire(catalog, "a", 1_000)
    assert acquire(catalog, "a", 1_050) == Lease(name="lake", owner="a", fence=1, until=1_150)
    assert acquire(catalog, "b", 1_149) is None


def test_the_fence_grows_each_time_the_owner_changes(catalog: Catalog) -> None:
    fences: list[int] = []
    for now, owner in ((1_000, "a"), (1_100, "b"), (1_150, "b"), (1_300, "a"), (1_400, "b")):
        lease = acquire(catalog, owner, now)
        assert lease is not None
        fences.append(lease.fence)
    assert fences == [1, 2, 2, 3, 4]


def test_an_owner_renews_until_another_has_acquired_the_lease(catalog: Catalog) -> None:
    lease = acquire(catalog, "a", 1_000)
    assert lease is not None
    with catalog.transaction() as tx:
        assert leases.renew(tx, lease, 1_090, 100)
    assert acquire(catalog, "b", 1_189) is None
    assert acquire(catalog, "b", 1_190) is not None
    with catalog.transaction() as tx:
        assert not leases.renew(tx, lease, 1_191, 100)


def test_an_owner_that_acquired_again_does_not_renew_its_old_lease(catalog: Catalog) -> None:
    old = acquire(catalog, "a", 1_000)
    acquire(catalog, "b", 1_100)
    new = acquire(catalog, "a", 1_200)
    assert old is not None
    assert new is not None
    with catalog.transaction() as tx:
        assert not leases.renew(tx, old, 1_210, 100)
        leases.release(tx, old)
        assert leases.renew(tx, new, 1_210, 100)


def test_a_released_lease_is_free_and_keeps_its_fence(catalog: Catalog) -> None:
    lease = acquire(catalog, "a", 1_000)
    assert lease is not None
    with catalog.transaction() as tx:
        leases.release(tx, lease)
    again = acquire(catalog, "a", 1_001)
    assert again is not None
    assert again.fence == 2


def test_one_of_many_concurrent_owners_gets_the_lease(catalog: Catalog, other: Catalog) -> None:
    for round_number in range(10):
        now = 1_000 + 100 * round_number

        def attempt(number: int, now: int = now) -> Lease | None:
            return acquire(other if number % 2 else catalog, f"{now}-{number}", now)

        held = [lease for lease in run_concurrently(4, attempt) if lease is not None]
        assert [lease.fence for lease in held] == [round_number + 1]


def test_the_owner_of_a_seized_lease_cannot_renew_it(catalog: Catalog) -> None:
    held = acquire(catalog, "a", 1_000)
    assert held is not None
    with catalog.transaction() as tx:
        seized = leases.seize(tx, "lake", owner="b", now=1_010, ttl_ms=100)
        free = leases.seize(tx, "other", owner="b", now=1_010, ttl_ms=100)

    assert seized == Lease(name="lake", owner="b", fence=2, until=1_110)
    assert free.fence == 1
    assert acquire(catalog, "a", 1_020) is None
    with catalog.transaction() as tx:
        assert not leases.renew(tx, held, 1_020, 100)
        leases.release(tx, seized)
    assert acquire(catalog, "a", 1_030) == Lease(name="lake", owner="a", fence=3, until=1_130)
