import threading

import pytest

from everlake.client.client import Delay
from everlake.client.pace import Pace, Stopped


def test_who_waits_is_let_go_when_it_is_stopped() -> None:
    pace = Pace()
    ended: list[type[BaseException]] = []

    def wait() -> None:
        try:
            pace.delay(Delay("the disk is full", 3_600.0, limited=False))
        except Stopped:
            ended.append(Stopped)

    waiting = threading.Thread(target=wait)
    waiting.start()
    pace.stop()
    waiting.join(30)

    assert ended == [Stopped]
    with pytest.raises(Stopped):
        pace.wait()


def test_a_pause_is_told_once_and_a_rate_limit_not_at_all() -> None:
    told: list[tuple[str, float]] = []
    heard = threading.Event()

    def notice(why: str, seconds: float) -> None:
        told.append((why, seconds))
        heard.set()

    pace = Pace(notice)
    pace.delay(Delay("the limit", 0.01, limited=True))
    first = threading.Thread(target=pace.delay, args=(Delay("away", 0.5, limited=False),))
    first.start()
    assert heard.wait(30)
    pace.delay(Delay("away as well", 0.1, limited=False))
    first.join()

    assert told == [("away", 0.5)]
