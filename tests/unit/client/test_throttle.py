"""Throttle of requests."""

import threading
import time

import pytest

from everlake.client.errors import SendingStopped
from everlake.client.retry import RetryDelay
from everlake.client.throttle import Throttle


def test_stop_ends_every_wait() -> None:
    throttle = Throttle()
    ended: list[type[BaseException]] = []

    def wait() -> None:
        try:
            throttle.back_off(RetryDelay("the disk is full", 3_600.0, rate_limited=False))
        except SendingStopped:
            ended.append(SendingStopped)

    waiting = threading.Thread(target=wait)
    waiting.start()
    throttle.stop()
    waiting.join(30)

    assert ended == [SendingStopped]
    with pytest.raises(SendingStopped):
        throttle.wait()


def test_a_pause_is_reported_once_and_a_rate_limit_never() -> None:
    pauses: list[tuple[str, float]] = []
    called = threading.Event()

    def on_pause(reason: str, seconds: float) -> None:
        pauses.append((reason, seconds))
        called.set()

    throttle = Throttle(on_pause)
    throttle.back_off(RetryDelay("the limit", 0.01, rate_limited=True))
    first = threading.Thread(
        target=throttle.back_off, args=(RetryDelay("away", 0.5, rate_limited=False),)
    )
    first.start()
    assert called.wait(30)
    throttle.back_off(RetryDelay("away as well", 0.1, rate_limited=False))
    first.join()

    assert pauses == [("away", 0.5)]


def test_requests_that_are_refused_together_widen_the_gap_once() -> None:
    def gap_after(refusals: int) -> float:
        throttle = Throttle()
        for _ in range(2):
            together = [
                threading.Thread(
                    target=throttle.back_off, args=(RetryDelay("rate", 0.2, rate_limited=True),)
                )
                for _ in range(refusals)
            ]
            for thread in together:
                thread.start()
            for thread in together:
                thread.join()
        return throttle.gap

    assert gap_after(16) == gap_after(1)


def test_the_gap_is_what_the_server_has_taken_between_two_refusals() -> None:
    throttle = Throttle()
    throttle.back_off(RetryDelay("rate", 0.0, rate_limited=True))
    assert throttle.is_rate_limited
    for _ in range(4):
        throttle.record_success()
    begun = time.monotonic()
    time.sleep(0.4)
    throttle.back_off(RetryDelay("rate", 0.0, rate_limited=True))

    assert 0.1 <= throttle.gap <= (time.monotonic() - begun + 0.1) / 4


def test_without_refusals_the_gap_goes_away() -> None:
    throttle = Throttle()
    throttle.back_off(RetryDelay("rate", 0.0, rate_limited=True))
    for _ in range(2_000):
        throttle.record_success()

    assert throttle.gap == 0.0
    assert not throttle.is_rate_limited
