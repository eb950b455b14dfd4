import pytest

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching.speed_check import SpeedCheck


def test_a_download_at_the_least_speed_goes_on() -> None:
    check = SpeedCheck(least_speed=100, window=10)
    for _ in range(1_000):
        check.count_bytes(100)
        check.count_wait(1)


def test_a_slower_one_ends_with_the_window() -> None:
    check = SpeedCheck(least_speed=100, window=10)
    for _ in range(9):
        check.count_bytes(99)
        check.count_wait(1)
    with pytest.raises(FetchError) as raised:
        check.count_wait(1)
    assert raised.value.code is FetchCode.TIMED_OUT
    assert raised.value.retryable
    assert "100 bytes a second" in raised.value.message


def test_what_came_before_a_window_does_not_count_in_it() -> None:
    check = SpeedCheck(least_speed=100, window=10)
    check.count_bytes(1_000_000)
    check.count_wait(10)
    with pytest.raises(FetchError):
        check.count_wait(10)
