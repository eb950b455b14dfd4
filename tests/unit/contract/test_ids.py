"""Identifiers that Everlake makes."""

import re
import time
import uuid

from everlake.contract.ids import batch_id_time, first_id_at, new_batch_id, new_id, new_secret


def test_batch_ids_are_uuids_of_version_7_in_the_order_of_time() -> None:
    made = [new_batch_id() for _ in range(2_000)]

    assert all(uuid.UUID(one).version == 7 for one in made)
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_a_batch_id_tells_when_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    made = batch_id_time(new_batch_id())

    assert before <= made <= time.time_ns() // 1_000_000


def test_ids_are_readable_and_differ() -> None:
    made = {new_id("prod") for _ in range(1_000)}

    assert len(made) == 1_000
    assert all(re.fullmatch(r"prod_[0-9a-z]{16}", one) for one in made)


def test_secrets_have_the_prefix_of_the_contract_and_256_random_bits() -> None:
    made = {new_secret() for _ in range(1_000)}

    assert len(made) == 1_000
    assert all(re.fullmatch(r"em_sk_[A-Za-z0-9_-]{43}", one) for one in made)


def test_the_first_id_of_a_time_parts_earlier_ids_from_later_ones() -> None:
    at_ms = 1_772_360_000_123
    assert new_batch_id(at_ms - 1) < first_id_at(at_ms) < new_batch_id(at_ms)
