"""Delays between the attempts of a request."""

import pytest

from everlake.client import Client
from everlake.client.retry import RetryDelay, backoff, with_jitter


def test_delays_double_up_to_ten_seconds() -> None:
    assert [backoff(retries) for retries in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0]
    assert backoff(1_000) == 10.0


def test_jitter_adds_up_to_a_quarter() -> None:
    assert all(2.0 <= with_jitter(2.0) <= 2.5 for _ in range(100))


def test_the_former_name_of_before_retry_works_with_a_warning() -> None:
    delays: list[RetryDelay] = []
    with pytest.warns(DeprecationWarning, match="before_retry"):
        client = Client("http://127.0.0.1:9", "em_sk_x", attempts=2, before_again=delays.append)

    with client, pytest.raises(Exception, match="does not answer"):
        client.batch("b")
    assert len(delays) == 1
