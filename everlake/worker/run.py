"""A worker: its threads, its heartbeat, its end."""

import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from functools import partial

from everlake import memory, tracing
from everlake.catalog import leases, queue
from everlake.catalog.engine import Catalog
from everlake.contract.batch import BatchStatus
from everlake.lake.opening import open_lake
from everlake.logs import logger
from everlake.metrics import Meters, Page, serve_page, take_seat
from everlake.settings import Settings
from everlake.storage import open_store
from everlake.worker import housekeeping, stages
from everlake.worker.attachments.service import Attachments, Turn, abandon
from everlake.worker.janitor import SWEEP_SECONDS, Janitor
from everlake.worker.leases import WriterLeases, WriterLost
from everlake.worker.presence import Presence
from everlake.worker.process import prepared
from everlake.worker.queue import TRANSIENT, Queue, Stage, owner_of

_LOOK_AGAIN_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0
_PAUSE_AFTER_ERROR_SECONDS = 1.0
_ARENAS = 2
"""An engine's many threads would otherwise hold freed memory each in a heap of its own."""
_OPEN_FILES = 8_192
_NICENESS = 5
"""A client waits for the API's answer, and nobody for the next merge (setpriority(2))."""

_log = logger()


class Worker:
    """Everything that one worker process runs.

    Args:
        settings: where things lie, and how patient to be.

    Raises:
        CatalogError: the database cannot be used; the message says what to do.
        StorageError: the storage cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # First of all, since what is counted must know where.
        self._seat = take_seat(settings.metrics_directory, "worker")
        self._meters = Meters()
        self._catalog = Catalog.open(settings.catalog_url, **settings.catalog_options)
        self._catalog.check()
        self._store = open_store(settings.archive_url)
        self._presence = Presence(settings.data_directory)
        self._stop = threading.Event()
        self._janitor = Janitor(settings, self._catalog, self._store, self._presence.name)
        lease_ms = int(settings.lease_seconds * 1000)
        self._writers = WriterLeases(self._catalog, self._presence.name, lease_ms, self._meters)
        self._lake = open_lake(settings.archive_url, self._catalog, self._writers)
        self._stages = [
            stages.landing(self._catalog, self._store, self._lake),
            stages.analysis(self._store, self._lake),
        ]
        self._queues = [self._queue(stage, lease_ms) for stage in self._stages]
        self._attachments = Attachments(
            settings,
            self._catalog,
            self._store,
            self._lake,
            self._writers,
            worker=self._presence.name,
            stop=self._stop,
            meters=self._meters,
        )

    def run(self) -> None:
        """Work until :meth:`stop`, then finish the steps under way and return."""
        self._take_over_from_the_dead()
        housekeeping.mend(self._catalog, self._lake, self._writers)
        if self._settings.worker_metrics_port:
            page = Page(self._meters, self._seat, self._catalog, self._settings.rebuild_lock)
            serve_page(page, self._settings.worker_metrics_port)
        _log.info("working", worker=self._presence.name)
        threads = [
            *(self._thread(partial(self._work, line)) for line in self._queues),
            *(self._thread(partial(self._take_turn, turn)) for turn in self._attachments.turns()),
            self._thread(self._index_attachments),
            self._periodic(self._heartbeat, self._settings.lease_seconds / 4),
            self._periodic(self._tidy, self._settings.upkeep_seconds),
            self._periodic(self._sweep, SWEEP_SECONDS),
        ]
        self._attachments.start()
        for thread in threads:
            thread.start()
        # A signal may reach another thread: Python handles it when this one next wakes.
        while not self._stop.wait(_LOOK_AGAIN_SECONDS):
            pass
        for thread in threads:
            thread.join()
        self._attachments.leave()
        self._writers.release()
        self._janitor.leave()
        self._presence.leave()
        self._catalog.close()
        _log.info("stopped")

    def stop(self, *_: object) -> None:
        """Ask :meth:`run` to end; fit to be a signal's handler."""
        self._stop.set()

    def _queue(self, stage: Stage, lease_ms: int) -> Queue:
        return Queue(
            self._catalog,
            self._writers,
            stage,
            worker=self._presence.name,
            lease_ms=lease_ms,
            retry_ms=int(self._settings.retry_seconds * 1000),
            max_attempts=self._settings.max_attempts,
            meters=self._meters,
        )

    def _take_over_from_the_dead(self) -> None:
        for name in self._presence.dead():
            owners = [owner_of(name, stage.name) for stage in self._stages]
            with self._catalog.write() as tx:
                claims = queue.abandon(tx, owners, now=self._catalog.now_ms())
                files = abandon(tx, name, now=self._catalog.now_ms())
                leases.abandon(tx, name, now=self._catalog.now_ms())
            _log.warning(
                "took over from a worker that died", worker=name, batches=claims, attachments=files
            )

    def _thread(self, turn: Callable[[], None]) -> threading.Thread:
        """A thread that takes turn after turn until the end, and lives through a bad one."""

        def loop() -> None:
            while not self._stop.is_set():
                try:
                    turn()
                except (*TRANSIENT, WriterLost) as error:
                    _log.warning("waiting", reason=str(error))
                    self._stop.wait(_PAUSE_AFTER_ERROR_SECONDS)
                except Exception:  # noqa: BLE001 - the thread must live
                    _log.exception("unexpected error")
                    self._stop.wait(_PAUSE_AFTER_ERROR_SECONDS)

        return threading.Thread(target=loop)

    def _periodic(self, action: Callable[[], None], seconds: float) -> threading.Thread:
        def turn() -> None:
            action()
            self._stop.wait(seconds)

        return self._thread(turn)

    def _work(self, line: Queue) -> None:
        if line.lets_first is not None:
            self._let_first(line.lets_first)
        self._take_turn(line.step)

    def _index_attachments(self) -> None:
        self._let_first(BatchStatus.LANDING)
        self._take_turn(self._attachments.index)

    def _take_turn(self, turn: Turn) -> None:
        """One turn; where there is nothing to do, wait for a change, or a second at the most."""
        seen = self._catalog.change_counter()
        if turn():
            return
        deadline = time.monotonic() + _LOOK_AGAIN_SECONDS
        while time.monotonic() < deadline and not self._stop.wait(self._settings.poll_seconds):
            if self._catalog.change_counter() != seen:
                return

    def _let_first(self, status: BatchStatus) -> None:
        """Wait while batches are due in ``status``, but not for ever.

        The steps share the processor. Without this, what has just come in would wait for the
        analysis of what came before it.
        """
        self._wait_while(lambda: self._is_due(status))

    def _is_due(self, status: BatchStatus) -> bool:
        with self._catalog.look() as tx:
            return queue.is_due(tx, status, now=self._catalog.now_ms())

    def _lands(self) -> bool:
        """Whether batches are landed here, or could be."""
        landing = BatchStatus.LANDING
        return any(line.works_on(landing) for line in self._queues) or self._is_due(landing)

    def _wait_while(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline and condition():
            if self._stop.wait(self._settings.poll_seconds):
                return

    def _heartbeat(self) -> None:
        self._writers.renew()
        for line in self._queues:
            line.renew()
        self._attachments.renew()

    def _tidy(self) -> None:
        # It holds the tables' locks for seconds, for which a landing would have to wait.
        self._wait_while(self._lands)
        housekeeping.tidy(self._lake, self._writers)
        memory.tidy()

    def _sweep(self) -> None:
        self._attachments.sweep()
        self._janitor.turn()


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        CatalogError: the database cannot be used; the message says what to do.
        StorageError: the storage cannot be used.
    """
    memory.keep_freed_memory(_ARENAS)
    os.nice(_NICENESS)
    _allow_many_files()
    tracing.start("worker")
    worker = Worker(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, worker.stop)
    with prepared():
        worker.run()
    tracing.stop()


def _allow_many_files() -> None:
    """Each attachment under way holds a file and a connection (getrlimit(2))."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
