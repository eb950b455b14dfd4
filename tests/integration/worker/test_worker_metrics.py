"""What a worker counts."""

import time

import msgspec
import pytest

from everlake.lake.writer_leases import WriterLeaseLost
from everlake.metrics import Metrics
from everlake.worker.stage_runner import StageRunner
from tests.support.worker_fixture import WorkerFixture, record


def value(meters: Metrics, name: str, **labels: str) -> float:
    found = meters.registry.get_sample_value(f"everlake_{name}", labels)
    assert found is not None, name
    return found


def test_the_way_of_a_batch_is_counted_with_its_lag(home: WorkerFixture) -> None:
    home.accept(record("a"))
    home.accept(record("b"))

    home.process_all()

    for status in ("LANDED", "COMPLETE"):
        assert value(home.metrics, "batches_reached_total", status=status) == 2
        assert value(home.metrics, "batch_lag_seconds_count", status=status) == 2
    landed, complete = (
        value(home.metrics, "batch_lag_seconds_sum", status=status)
        for status in ("LANDED", "COMPLETE")
    )
    assert 0 < landed < complete


def test_a_lease_that_ran_out_is_a_steal_and_one_that_was_given_back_is_none(
    home: WorkerFixture,
) -> None:
    home.accept(record("a"))
    lost = home.stage_runner(worker="lost")
    lost._lease_ms = 1
    claimed = lost._claim(failed_before=False)
    assert len(claimed) == 1
    assert value(home.metrics, "lease_steals_total", kind="batch") == 0
    time.sleep(0.005)

    _claim_and_give_back(home.stage_runner(worker="thief"))
    assert value(home.metrics, "lease_steals_total", kind="batch") == 1

    _claim_and_give_back(home.stage_runner(worker="third"))
    assert value(home.metrics, "lease_steals_total", kind="batch") == 1


def _claim_and_give_back(queue: StageRunner) -> None:
    def lose(workspace_id: str) -> None:
        raise WriterLeaseLost(workspace_id)

    queue._writer_leases.acquire = lose
    queue._retry_policy = msgspec.structs.replace(queue._retry_policy, base_ms=0)
    assert queue.run_once()


def test_the_right_to_write_that_ran_out_is_a_steal_too(home: WorkerFixture) -> None:
    home.writer_leases("one", ttl_ms=1).acquire(home.workspace_id)
    time.sleep(0.005)
    other = home.writer_leases("other")

    other.acquire(home.workspace_id)
    other.acquire(home.workspace_id)
    assert value(home.metrics, "lease_steals_total", kind="writer") == 1

    other.release_all()
    home.writer_leases("third").acquire(home.workspace_id)
    assert value(home.metrics, "lease_steals_total", kind="writer") == 1


def test_a_batch_that_is_given_up_is_counted(home: WorkerFixture) -> None:
    batch = home.accept(record("a"))
    home.landing_file(batch).unlink()

    home.process_all()

    assert home.statuses(batch) == ["FAILED"]
    assert value(home.metrics, "batches_reached_total", status="FAILED") == 1
    with pytest.raises(AssertionError):
        value(home.metrics, "batches_reached_total", status="PROCESSING")
