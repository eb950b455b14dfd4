"""Retry policy: exponential backoff with jitter."""

import random

import msgspec


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When a failed attempt is made again, and when it is given up.

    The delay before the first retry is ``base_ms``; each further one is twice as long, up to
    ``max_ms``. Jitter spreads retries that failed together.

    Attributes:
        max_attempts: attempts in all, the first included.
        base_ms: first delay, in milliseconds.
        max_ms: longest delay, in milliseconds, before jitter.
        jitter: a delay ``d`` becomes ``d * (1 - jitter)`` to ``d * (1 + jitter)``; 0 for none.
    """

    max_attempts: int
    base_ms: int
    max_ms: int = 600_000
    jitter: float = 0.5

    def delay_ms(self, failures: int) -> int:
        """Return the delay before the next attempt, in milliseconds.

        Args:
            failures: attempts that failed before the one that failed just now.
        """
        return with_jitter(min(self.base_ms << min(failures, 20), self.max_ms), self.jitter)

    def is_exhausted(self, failures: int) -> bool:
        """Return whether ``failures`` reaches ``max_attempts``."""
        return failures >= self.max_attempts

    def next_delay_ms(self, failures: int, *, retryable: bool) -> int | None:
        """Return the delay before the next attempt, or None when there is to be none.

        Args:
            failures: attempts that failed before the one that failed just now.
            retryable: whether another attempt may succeed at all.
        """
        if not retryable or self.is_exhausted(failures + 1):
            return None
        return self.delay_ms(failures)


def with_jitter(delay_ms: int, jitter: float = 0.5) -> int:
    """Return a random delay from ``delay_ms * (1 - jitter)`` to ``delay_ms * (1 + jitter)``."""
    return round(delay_ms * random.uniform(1 - jitter, 1 + jitter))  # noqa: S311 - no secret
