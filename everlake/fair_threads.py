"""Thread pool in which those who share it take turns."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

OWNER: ContextVar[str] = ContextVar("owner", default="")
"""Whose share the calls of this context take: the id of a workspace; empty for the server's own."""


class FairThreadPool(ThreadPoolExecutor):
    """Threads for blocking calls, with a queue for each owner, which is :data:`OWNER`.

    Owners take turns, however many calls each of them waits for, and no owner has more than its
    share of the threads. A call that is cancelled before it begins is dropped.

    Args:
        threads: most threads.
        share: most threads of one owner at a time.
        name: prefix of the threads' names.
    """

    def __init__(self, threads: int, share: int, name: str) -> None:
        super().__init__(max_workers=threads, thread_name_prefix=name)
        self._share = share
        self._waiting: dict[str, deque[Callable[[], None]]] = {}
        self._turns: deque[str] = deque()
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    def submit(self, fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_R]":
        """Queue a call among those of the context's owner.

        Raises:
            RuntimeError: the pool is shut down.
        """
        future: Future[_R] = Future()
        owner = OWNER.get()

        def call() -> None:
            if future.set_running_or_notify_cancel():
                _set_outcome(future, fn, args, kwargs)

        with self._lock:
            if owner not in self._waiting:
                self._waiting[owner] = deque()
                self._turns.append(owner)
            self._waiting[owner].append(call)
        super().submit(self._work)
        return future

    def _work(self) -> None:
        """Make calls until there is none whose owner has a share left.

        The thread that ends a call of such an owner takes its next one.
        """
        ended: str | None = None
        while (found := self._next(ended)) is not None:
            ended, call = found
            call()

    def _next(self, ended: str | None) -> tuple[str, Callable[[], None]] | None:
        """Return the next call and its owner, after one of the owner ``ended``."""
        with self._lock:
            if ended is not None:
                self._running[ended] -= 1
                if not self._running[ended]:
                    del self._running[ended]
            for _ in range(len(self._turns)):
                owner = self._turns.popleft()
                if self._running[owner] >= self._share:
                    self._turns.append(owner)
                    continue
                call = self._waiting[owner].popleft()
                if self._waiting[owner]:
                    self._turns.append(owner)
                else:
                    del self._waiting[owner]
                self._running[owner] += 1
                return owner, call
            return None


def _set_outcome(
    future: "Future[_R]", fn: Callable[..., _R], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - whoever waits for the future gets it
        future.set_exception(error)
    else:
        future.set_result(result)
