"""Throttle of requests."""

import threading

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
