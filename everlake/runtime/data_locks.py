"""Locks of a data directory: one ``serve`` at a time, and API processes or a copy, not both."""

from contextlib import AbstractContextManager
from pathlib import Path

from everlake.runtime.locks import exclusive_lock, shared_lock

_API_LOCK = "api.lock"


def serve_lock(data: Path) -> AbstractContextManager[None]:
    """Hold the data directory against a second ``everlake serve``.

    Raises:
        LockHeld: another one serves it.
    """
    return exclusive_lock(
        data / "serve.lock",
        lambda process: (
            f"another everlake (process {process}) serves {data}: stop it first, or give this "
            "one its own --data"
        ),
    )


def api_lock(data: Path) -> AbstractContextManager[None]:
    """Hold the data directory against ``everlake db copy``, together with other API processes.

    Raises:
        LockHeld: a copy is running.
    """
    message = f"everlake db copy is running on {data}: wait until it ends, or stop it first"
    return shared_lock(data / _API_LOCK, message)


def no_api_lock(data: Path) -> AbstractContextManager[None]:
    """Hold the data directory against API processes and other copies.

    Raises:
        LockHeld: an API process or another copy is running.
    """
    message = f"an everlake api, or another everlake db copy, is running on {data}: stop it first"
    return exclusive_lock(data / _API_LOCK, lambda _: message)
