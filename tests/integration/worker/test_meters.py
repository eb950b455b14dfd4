"""What a worker counts."""

import time

import pytest

from everlake.metrics import Meters
from everlake.worker.leases import WriterLost
from everlake.worker.queue import Queue
from tests.integration.worker.home import Home, record


def value(meters: Meters, name: str, **labels: str) -> float:
    found = meters.registry.get_sample_value(f"everlake_{name}", labels)
    assert found is not None, name
    return found


def test_the_way_of_a_batch_is_counted_with_its_lag(home: Home) -> None:
    home.accept(record("a"))
    home.accept(record("b"))

    home.work()

    for status in ("LANDED", "COMPLETE"):
        assert value(home.meters, "batches_reached_total", status=status) == 2
        assert value(home.meters, "batch_lag_seconds_count", status=status) == 2
    landed, complete = (
        value(home.meters, "batch_lag_seconds_sum", status=status)
        for status in ("LANDED", "COMPLETE")
    )
    assert 0 < landed < complete


def test_a_lease_that_ran_out_is_a_steal_and_one_that_was_given_back_is_none(home: Home) -> None:
    home.accept(record("a"))
    lost = home.queue(worker="lost")
    lost._lease_ms = 1
    claimed = lost._claim(failed_before=False)
    assert len(claimed) == 1
    assert value(home.meters, "lease_steals_total", kind="batch") == 0
    time.sleep(0.005)

    _claim_and_give_back(home.queue(worker="thief"))
    assert value(home.meters, "lease_steals_total", kind="batch") == 1

    _claim_and_give_back(home.queue(worker="third"))
    assert value(home.meters, "lease_steals_total", kind="batch") == 1


def _claim_and_give_back(queue: Queue) -> None:
    def lose(workspace_id: str) -> None:
        raise WriterLost(workspace_id)

    queue._writers.hold = lose
    queue._retry_ms = 0
    assert queue.step()


def test_the_right_to_write_that_ran_out_is_a_steal_too(home: Home) -> None:
    home.writers("one", ttl_ms=1).hold(home.workspace_id)
    time.sleep(0.005)
    other = home.writers("other")

    other.hold(home.workspace_id)
    other.hold(home.workspace_id)
    assert value(home.meters, "lease_steals_total", kind="writer") == 1

    other.release()
    home.writers("third").hold(home.workspace_id)
    assert value(home.meters, "lease_steals_total", kind="writer") == 1


def test_a_batch_that_is_given_up_is_counted(home: Home) -> None:
    batch = home.accept(record("a"))
    home.landing_file(batch).unlink()

    home.work()

    assert home.statuses(batch) == ["FAILED"]
    assert value(home.meters, "batches_reached_total", status="FAILED") == 1
    with pytest.raises(AssertionError):
        value(home.meters, "batches_reached_total", status="PROCESSING")
