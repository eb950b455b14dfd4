"""Rate limit of keys."""

import fcntl
import os
import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everlake.api.rate_limit.limiter import LocalRateLimiter
from everlake.contract.errors import ErrorCode, WireError

rates = st.sampled_from([0.1, 1.0, 3.0, 10.0, 1_000.0]) | st.floats(0.01, 10_000)
bursts = st.integers(1, 50)


def allowed(limit: LocalRateLimiter, now: float, key: str = "key") -> bool:
    try:
        limit.acquire_at(key, now)
    except WireError:
        return False
    return True


def wait_of(limit: LocalRateLimiter, now: float) -> float:
    """Return the seconds that a request has to wait; 0 if it is allowed."""
    try:
        limit.acquire_at("key", now)
    except WireError as error:
        return error.retry_after or -1
    return 0


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[float, int, list[float]]:
    """A rate, a burst, and times of requests near these limits."""
    rate, burst = draw(rates), draw(bursts)
    gaps = st.sampled_from([0.0, 0.5, 0.99, 1.0, 1.5]) | st.floats(0, 3 * burst)
    steps = draw(st.lists(gaps, min_size=1, max_size=120))
    now = draw(st.sampled_from([0.0, 1.0, 1e6, 1e8]))
    times: list[float] = []
    for step in steps:
        now += step / rate
        times.append(now)
    return rate, burst, times


@settings(deadline=None)
@given(arrivals())
def test_in_no_stretch_of_time_are_there_more_than_the_burst_and_the_rate_allow(
    case: tuple[float, int, list[float]],
) -> None:
    rate, burst, times = case
    limit = LocalRateLimiter(rate, burst)
    taken = [now for now in times if allowed(limit, now)]

    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + rate * (taken[last] - start + 2e-6)


@settings(deadline=None)
@given(arrivals())
def test_who_keeps_to_the_rate_is_never_refused(case: tuple[float, int, list[float]]) -> None:
    rate, burst, times = case
    limit = LocalRateLimiter(rate, burst)

    # At full speed from the first request, and a little slower than that.
    assert all(allowed(limit, times[0] + n * 1.0001 / rate) for n in range(len(times)))


@settings(deadline=None)
@given(rates, bursts, st.sampled_from([0.0, 5.0, 1e6, 1e8]))
def test_after_a_pause_a_whole_burst_goes_through_and_not_one_more(
    rate: float, burst: int, start: float
) -> None:
    limit = LocalRateLimiter(rate, burst)

    for now in (start, start + 2 * burst / rate):
        assert [allowed(limit, now) for _ in range(burst + 1)] == [True] * burst + [False]


@settings(deadline=None)
@given(arrivals())
def test_who_waits_as_long_as_told_is_let_through(case: tuple[float, int, list[float]]) -> None:
    rate, burst, times = case
    limit = LocalRateLimiter(rate, burst)
    for now in times:
        wait = wait_of(limit, now)
        if wait:
            assert 0 < wait <= 1 / rate + 0.002
            limit.acquire_at("key", now + wait)
            return


def test_a_refused_request_does_not_count() -> None:
    limit = LocalRateLimiter(1.0, 1)
    limit.acquire_at("key", 0.0)

    assert not any(allowed(limit, 0.5) for _ in range(100))
    assert allowed(limit, 1.0)


def test_keys_do_not_share_a_bucket() -> None:
    limit = LocalRateLimiter(1.0, 1)

    assert allowed(limit, 0.0, "one")
    assert allowed(limit, 0.0, "other")
    assert not allowed(limit, 0.0, "one")


def test_the_clock_is_one_that_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = LocalRateLimiter(1.0, 1)
    limit.acquire_at("key")

    monkeypatch.setattr(time, "time", lambda: 4e9)
    with pytest.raises(WireError) as error:
        limit.acquire_at("key")
    assert error.value.code is ErrorCode.RATE_LIMITED


@settings(deadline=None, max_examples=30)
@given(arrivals(), st.randoms())
def test_who_shares_a_file_counts_as_one(
    tmp_path_factory: pytest.TempPathFactory,
    case: tuple[float, int, list[float]],
    random: Random,
) -> None:
    rate, burst, times = case
    file = tmp_path_factory.mktemp("limits") / "rate-limits"
    alone = LocalRateLimiter(rate, burst)
    shared = [LocalRateLimiter(rate, burst, file) for _ in range(3)]

    for now in times:
        assert allowed(random.choice(shared), now) == allowed(alone, now)


def test_more_keys_than_the_file_has_room_for_are_counted_each_by_itself(tmp_path: Path) -> None:
    limit = LocalRateLimiter(1.0, 1, tmp_path / "rate-limits")

    for second in range(0, 40_000, 2):
        key = f"key-{second}"
        assert allowed(limit, float(second), key)
        assert not allowed(limit, float(second), key)


def test_a_time_from_before_the_machines_last_start_holds_nobody_back(tmp_path: Path) -> None:
    file = tmp_path / "rate-limits"
    assert allowed(LocalRateLimiter(1.0, 1, file), 1e6)

    assert allowed(LocalRateLimiter(1.0, 1, file), 5.0)
    assert not allowed(LocalRateLimiter(1.0, 1, file), 5.0)


def test_a_file_of_another_size_is_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "rate-limits"
    file.write_bytes(b"\xff" * 1_000)

    limit = LocalRateLimiter(1.0, 1, file)
    assert allowed(limit, 5.0)
    assert not allowed(limit, 5.0)


def test_without_its_file_a_process_counts_alone(tmp_path: Path) -> None:
    limit = LocalRateLimiter(1.0, 1, tmp_path / "missing" / "rate-limits")

    assert allowed(limit, 5.0)
    assert not allowed(limit, 5.0)


def test_a_process_stopped_with_the_lock_in_hand_stops_no_other(tmp_path: Path) -> None:
    file = tmp_path / "rate-limits"
    limit = LocalRateLimiter(1.0, 1, file)
    handle = os.open(file, os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)

    assert allowed(limit, 5.0)
    assert not allowed(limit, 5.0)
    os.close(handle)
