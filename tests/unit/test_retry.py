from hypothesis import given
from hypothesis import strategies as st

from everlake.retry import RetryPolicy, with_jitter

FAILURES = st.integers(0, 10_000)
MILLISECONDS = st.integers(0, 10_000_000)


@given(MILLISECONDS, MILLISECONDS, FAILURES)
def test_delays_without_jitter_double_up_to_the_longest(
    base_ms: int, max_ms: int, failures: int
) -> None:
    policy = RetryPolicy(max_attempts=3, base_ms=base_ms, max_ms=max_ms, jitter=0)
    assert policy.delay_ms(0) == min(base_ms, max_ms)
    assert policy.delay_ms(failures) <= policy.delay_ms(failures + 1) <= max_ms
    if failures < 20:
        assert policy.delay_ms(failures) == min(base_ms * 2**failures, max_ms)


@given(MILLISECONDS, FAILURES, st.floats(0, 1))
def test_jitter_stays_within_its_bounds(base_ms: int, failures: int, jitter: float) -> None:
    exact = RetryPolicy(max_attempts=3, base_ms=base_ms, jitter=0).delay_ms(failures)
    spread = RetryPolicy(max_attempts=3, base_ms=base_ms, jitter=jitter).delay_ms(failures)
    for delay in (spread, with_jitter(exact, jitter)):
        assert exact * (1 - jitter) - 1 <= delay <= exact * (1 + jitter) + 1


@given(st.integers(1, 20), st.integers(0, 30))
def test_there_are_as_many_attempts_as_the_policy_allows(max_attempts: int, failures: int) -> None:
    policy = RetryPolicy(max_attempts=max_attempts, base_ms=10, jitter=0)
    is_last = failures + 1 >= max_attempts
    assert policy.is_exhausted(failures + 1) is is_last
    delay = policy.next_delay_ms(failures, retryable=True)
    assert delay == (None if is_last else policy.delay_ms(failures))
    assert policy.next_delay_ms(failures, retryable=False) is None
