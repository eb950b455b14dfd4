"""Threads of a worker: each repeats a step until the worker stops."""

import threading
import time
from collections.abc import Callable
from functools import partial

from everlake.catalog import batch_queue
from everlake.catalog.database import Catalog
from everlake.contract.batches import BatchStatus
from everlake.lake.writer_leases import WriterLeaseLost
from everlake.logs import logger
from everlake.worker.errors import TRANSIENT_ERRORS
from everlake.worker.types import RunOnce

_IDLE_WAIT_SECONDS = 1.0
"""Longest time between two looks for work."""
_YIELD_TIMEOUT_SECONDS = 5.0
_ERROR_BACKOFF_SECONDS = 1.0

_log = logger()


class Loops:
    """The threads of one worker. Errors of a step are logged, and the step is repeated.

    Args:
        catalog: announces changes, and has the batch queue.
        stop: set when the worker stops.
        poll_seconds: time between two looks for such changes.
    """

    def __init__(self, catalog: Catalog, stop: threading.Event, poll_seconds: float) -> None:
        self._catalog = catalog
        self._stop = stop
        self._poll_seconds = poll_seconds
        self._threads: list[threading.Thread] = []

    def add(self, run_once: RunOnce, *, yields_to: BatchStatus | None = None) -> None:
        """Add a thread that calls ``run_once`` again and again.

        When there is no work it waits until the catalog changes, or for a second.

        Args:
            run_once: the step.
            yields_to: before each step, wait while batches are due in this status.
        """
        self._threads.append(
            threading.Thread(target=self._repeat, args=(partial(self._work, run_once, yields_to),))
        )

    def add_periodic(self, action: Callable[[], object], seconds: float) -> None:
        """Add a thread that calls ``action``, and waits ``seconds`` after each call."""
        self._threads.append(
            threading.Thread(target=self._repeat, args=(partial(self._act, action, seconds),))
        )

    def start(self) -> None:
        """Start all threads."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until all threads have finished their current steps, after ``stop`` was set."""
        for thread in self._threads:
            thread.join()

    def wait_while(self, condition: Callable[[], bool]) -> None:
        """Wait while ``condition`` holds, for five seconds at most, or until the worker stops."""
        deadline = time.monotonic() + _YIELD_TIMEOUT_SECONDS
        while time.monotonic() < deadline and condition():
            if self._stop.wait(self._poll_seconds):
                return

    def is_due(self, status: BatchStatus) -> bool:
        """Return whether a batch in ``status`` is due.

        Raises:
            CatalogUnavailable: the catalog does not answer.
        """
        with self._catalog.autocommit() as tx:
            return batch_queue.is_due(tx, status, now=self._catalog.now_ms())

    def _repeat(self, step: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                step()
            except (*TRANSIENT_ERRORS, WriterLeaseLost) as error:
                _log.warning("postponed", reason=str(error))
                self._stop.wait(_ERROR_BACKOFF_SECONDS)
            except Exception:  # noqa: BLE001 - the thread must survive
                _log.exception("unexpected error")
                self._stop.wait(_ERROR_BACKOFF_SECONDS)

    def _work(self, run_once: RunOnce, yields_to: BatchStatus | None) -> None:
        if yields_to is not None:
            # The stages share the processor: without this, new batches would wait until those
            # before them are analysed.
            self.wait_while(lambda: self.is_due(yields_to))
        seen = self._catalog.change_counter()
        if run_once():
            return
        deadline = time.monotonic() + _IDLE_WAIT_SECONDS
        while time.monotonic() < deadline and not self._stop.wait(self._poll_seconds):
            if self._catalog.change_counter() != seen:
                return

    def _act(self, action: Callable[[], object], seconds: float) -> None:
        action()
        self._stop.wait(seconds)
