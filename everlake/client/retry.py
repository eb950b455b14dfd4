"""Delays between the attempts of a request.

:mod:`everlake.retry` has the policy of the server's jobs; the client imports the contract alone.
"""

import random
import time
from typing import NamedTuple

_INITIAL_BACKOFF = 0.2
_MAX_BACKOFF = 10.0


class RetryDelay(NamedTuple):
    """Delay before a request is made again.

    Attributes:
        reason: of the failed attempt, for people.
        seconds: the delay.
        rate_limited: whether the attempt exceeded the rate limit (429).
    """

    reason: str
    seconds: float
    rate_limited: bool


def sleep(delay: RetryDelay) -> None:
    """Sleep for the delay."""
    time.sleep(delay.seconds)


def backoff(retries: int) -> float:
    """Return the seconds before the next retry, without jitter.

    Args:
        retries: made so far.
    """
    return min(_INITIAL_BACKOFF * 2 ** min(retries, 20), _MAX_BACKOFF)


def with_jitter(seconds: float) -> float:
    """Return up to a quarter more, so that clients do not all return at the same moment."""
    return seconds * random.uniform(1.0, 1.25)  # noqa: S311
