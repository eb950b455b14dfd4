from everlake.catalog import idempotency
from everlake.catalog.database import Catalog
from everlake.catalog.idempotency import IdempotentResponse
from tests.support.catalog_fixture import CatalogFixture, catalog_fixture, run_concurrently


def answer(
    key: str, response: bytes = b'{"batchId":"b"}', created_at: int = 1_000
) -> IdempotentResponse:
    return IdempotentResponse(
        key=key,
        body_hash=b"\x00\xff" * 16,
        response=response,
        batch_id="b",
        created_at=created_at,
    )


def test_a_response_is_stored_byte_for_byte(home: CatalogFixture) -> None:
    first = answer("k", bytes(range(256)))
    with home.catalog.transaction() as tx:
        assert idempotency.store(tx, home.workspace_id, [first]) == [True]
        assert idempotency.store(tx, home.workspace_id, []) == []
    with home.catalog.snapshot() as tx:
        assert idempotency.find(tx, home.workspace_id, "k") == first
        assert idempotency.find(tx, home.workspace_id, "K") is None


def test_the_first_response_of_a_key_stays(home: CatalogFixture) -> None:
    with home.catalog.transaction() as tx:
        rows = [answer("a"), answer("b"), answer("a", b"second"), answer("c")]
        assert idempotency.store(tx, home.workspace_id, rows) == [True, True, False, True]
        rows = [answer("c", b"second"), answer("d")]
        assert idempotency.store(tx, home.workspace_id, rows) == [False, True]
        for key in "abcd":
            assert idempotency.find(tx, home.workspace_id, key) == answer(key)


def test_the_same_key_in_two_workspaces_is_two_keys(home: CatalogFixture) -> None:
    neighbour = catalog_fixture(home.catalog)
    with home.catalog.transaction() as tx:
        assert idempotency.store(tx, home.workspace_id, [answer("k")]) == [True]
        assert idempotency.find(tx, neighbour.workspace_id, "k") is None
        assert idempotency.store(tx, neighbour.workspace_id, [answer("k", b"theirs")]) == [True]
        assert idempotency.find(tx, home.workspace_id, "k") == answer("k")


def test_of_concurrent_responses_of_one_key_one_is_stored(
    home: CatalogFixture, other: Catalog
) -> None:
    def remember(number: int) -> int:
        catalog = other if number else home.catalog
        new = 0
        for n in range(30):
            with catalog.transaction() as tx:
                [verdict] = idempotency.store(
                    tx, home.workspace_id, [answer(f"k{n}", bytes([number]))]
                )
            new += verdict
        return new

    assert sum(run_concurrently(2, remember)) == 30


def test_many_responses_are_stored_at_once(home: CatalogFixture) -> None:
    rows = [answer(f"k{n}") for n in range(2_500)]
    with home.catalog.transaction() as tx:
        assert idempotency.store(tx, home.workspace_id, rows) == [True] * 2_500
        assert idempotency.store(tx, home.workspace_id, rows) == [False] * 2_500


def test_old_responses_are_deleted_in_limited_numbers(home: CatalogFixture) -> None:
    rows = [answer(f"k{n}", created_at=n) for n in range(10)]
    with home.catalog.transaction() as tx:
        idempotency.store(tx, home.workspace_id, rows)
        assert idempotency.delete_before(tx, created_before=5, limit=3) == 3
        assert idempotency.delete_before(tx, created_before=5, limit=3) == 2
        assert idempotency.delete_before(tx, created_before=5, limit=3) == 0
        left = [n for n in range(10) if idempotency.find(tx, home.workspace_id, f"k{n}")]
    assert left == [5, 6, 7, 8, 9]
