import threading

import pytest

from everlake.client.errors import SendingStopped
from everlake.client.retry import RetryDelay
from everlake.client.throttle import Throttle


def test_who_waits_is_let_go_when_it_is_stopped() -> None:
    pace = Throttle()
    ended: list[type[BaseException]] = []

    def wait() -> None:
        try:
            pace.back_off(RetryDelay("the disk is full", 3_600.0, rate_limited=False))
        except SendingStopped:
            ended.append(SendingStopped)

    waiting = threading.Thread(target=wait)
    waiting.start()
    pace.stop()
    waiting.join(30)

    assert ended == [SendingStopped]
    with pytest.raises(SendingStopped):
        pace.wait()


def test_a_pause_is_told_once_and_a_rate_limit_not_at_all() -> None:
    told: list[tuple[str, float]] = []
    heard = threading.Event()

    def notice(why: str, seconds: float) -> None:
        told.append((why, seconds))
        heard.set()

    pace = Throttle(notice)
    pace.back_off(RetryDelay("the limit", 0.01, rate_limited=True))
    first = threading.Thread(
        target=pace.back_off, args=(RetryDelay("away", 0.5, rate_limited=False),)
    )
    first.start()
    assert heard.wait(30)
    pace.back_off(RetryDelay("away as well", 0.1, rate_limited=False))
    first.join()

    assert told == [("away", 0.5)]
