"""Thread pool in which those who share it take turns."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

OWNER: ContextVar[str] = ContextVar("owner", default="")
"""Whose share the calls of this context take: the id of a workspace; empty for the server's own.

:data:`ANONYMOUS` for requests without a key.
"""
ANONYMOUS = "anonymous"


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
        self._waiting: dict[str, deque[_Call[Any]]] = {}
        self._turns: deque[str] = deque()
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    def submit(self, fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_R]":
        """Queue a call among those of the context's owner.

        Raises:
            RuntimeError: the pool is shut down.
        """
        call = _Call(partial(fn, *args, **kwargs))
        owner = OWNER.get()
        with self._lock:
            # First, since it fails once the pool is shut down. The thread waits for the lock.
            super().submit(self._work)
            if owner not in self._waiting:
                self._waiting[owner] = deque()
                self._turns.append(owner)
            self._waiting[owner].append(call)
        return call.future

    def _work(self) -> None:
        """Make calls until there is none whose owner has a share left.

        The thread that ends a call of such an owner takes its next one.
        """
        ended: str | None = None
        while (found := self._next(ended)) is not None:
            ended, call = found
            del found
            call.run()
            del call

    def _next(self, ended: str | None) -> "tuple[str, _Call[Any]] | None":
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


class _Call(Generic[_R]):
    """A call that waits for its turn, and the future of its outcome."""

    def __init__(self, function: Callable[[], _R]) -> None:
        self.future: Future[_R] = Future()
        self._function = function

    def run(self) -> None:
        """Make the call, unless it was cancelled."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self._function()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the future gets it
            self.future.set_exception(error)
            # The error's traceback refers to this frame: what the call was given, which may be a
            # body of megabytes, would stay until the collector finds the cycle.
            del self
        else:
            self.future.set_result(result)
