"""A worker: its threads, its heartbeat, its end."""

import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from functools import partial

from everlake import memory, tracing
from everlake.catalog import batch_queue, leases
from everlake.catalog.opening import open_catalog
from everlake.contract.batches import BatchStatus
from everlake.lake.opening import open_lake
from everlake.lake.writer_leases import WriterLeaseLost, WriterLeases
from everlake.logs import logger
from everlake.metrics import Metrics, MetricsExposition, acquire_slot, serve_metrics
from everlake.runtime.gc_tuning import tuned_for_batches
from everlake.runtime.liveness import LivenessLock
from everlake.settings import Settings
from everlake.storage import open_store
from everlake.worker import maintenance, stages
from everlake.worker.attachments.service import AttachmentWorker, RunOnce, expire_leases
from everlake.worker.janitor import INTERVAL_SECONDS, Janitor
from everlake.worker.stage_runner import TRANSIENT_ERRORS, Stage, StageRunner, lease_owner

_IDLE_WAIT_SECONDS = 1.0
_YIELD_TIMEOUT_SECONDS = 5.0
_ERROR_BACKOFF_SECONDS = 1.0
_MALLOC_ARENAS = 2
"""An engine's many threads would otherwise hold freed memory each in a heap of its own."""
_OPEN_FILE_LIMIT = 8_192
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
        self._process_slot = acquire_slot(settings.metrics_directory, "worker")
        self._metrics = Metrics()
        self._catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
        self._catalog.check()
        self._store = open_store(settings.archive_url)
        self._liveness = LivenessLock(settings.data_directory)
        self._stop = threading.Event()
        self._janitor = Janitor(settings, self._catalog, self._store, self._liveness.name)
        lease_ms = int(settings.lease_seconds * 1000)
        self._writer_leases = WriterLeases(
            self._catalog, self._liveness.name, lease_ms, self._metrics
        )
        self._lake = open_lake(settings.archive_url, self._catalog, self._writer_leases)
        self._stages = [
            stages.landing_stage(self._catalog, self._store, self._lake),
            stages.analysis_stage(self._store, self._lake),
        ]
        self._stage_runners = [self._stage_runner(stage, lease_ms) for stage in self._stages]
        self._attachments = AttachmentWorker(
            settings,
            self._catalog,
            self._store,
            self._lake,
            self._writer_leases,
            worker=self._liveness.name,
            stop=self._stop,
            meters=self._metrics,
        )

    def run(self) -> None:
        """Work until :meth:`stop`, then finish the steps under way and return."""
        self._release_claims_of_dead_workers()
        maintenance.repair_tables(self._catalog, self._lake, self._writer_leases)
        if self._settings.worker_metrics_port:
            page = MetricsExposition(
                self._metrics, self._process_slot, self._catalog, self._settings.rebuild_lock
            )
            serve_metrics(page, self._settings.worker_metrics_port)
        _log.info("working", worker=self._liveness.name)
        threads = [
            *(self._loop_thread(partial(self._run_stage, line)) for line in self._stage_runners),
            *(
                self._loop_thread(partial(self._run_or_wait, turn))
                for turn in self._attachments.steps()
            ),
            self._loop_thread(self._index_attachments),
            self._periodic_thread(self._heartbeat, self._settings.lease_seconds / 4),
            self._periodic_thread(self._maintain, self._settings.upkeep_seconds),
            self._periodic_thread(self._collect_garbage, INTERVAL_SECONDS),
        ]
        self._attachments.start()
        for thread in threads:
            thread.start()
        # A signal may reach another thread: Python handles it when this one next wakes.
        while not self._stop.wait(_IDLE_WAIT_SECONDS):
            pass
        for thread in threads:
            thread.join()
        self._attachments.shut_down()
        self._writer_leases.release_all()
        self._janitor.release()
        self._liveness.release()
        self._catalog.close()
        _log.info("stopped")

    def stop(self, *_: object) -> None:
        """Ask :meth:`run` to end; fit to be a signal's handler."""
        self._stop.set()

    def _stage_runner(self, stage: Stage, lease_ms: int) -> StageRunner:
        return StageRunner(
            self._catalog,
            self._writer_leases,
            stage,
            worker=self._liveness.name,
            lease_ms=lease_ms,
            retry_ms=int(self._settings.retry_seconds * 1000),
            max_attempts=self._settings.max_attempts,
            metrics=self._metrics,
        )

    def _release_claims_of_dead_workers(self) -> None:
        for name in self._liveness.dead_workers():
            owners = [lease_owner(name, stage.name) for stage in self._stages]
            with self._catalog.transaction() as tx:
                claims = batch_queue.expire_leases(tx, owners, now=self._catalog.now_ms())
                files = expire_leases(tx, name, now=self._catalog.now_ms())
                leases.expire_all(tx, name, now=self._catalog.now_ms())
            _log.warning(
                "took over from a worker that died", worker=name, batches=claims, attachments=files
            )

    def _loop_thread(self, run_once: Callable[[], None]) -> threading.Thread:
        """A thread that takes turn after turn until the end, and lives through a bad one."""

        def loop() -> None:
            while not self._stop.is_set():
                try:
                    run_once()
                except (*TRANSIENT_ERRORS, WriterLeaseLost) as error:
                    _log.warning("waiting", reason=str(error))
                    self._stop.wait(_ERROR_BACKOFF_SECONDS)
                except Exception:  # noqa: BLE001 - the thread must live
                    _log.exception("unexpected error")
                    self._stop.wait(_ERROR_BACKOFF_SECONDS)

        return threading.Thread(target=loop)

    def _periodic_thread(self, action: Callable[[], None], seconds: float) -> threading.Thread:
        def turn() -> None:
            action()
            self._stop.wait(seconds)

        return self._loop_thread(turn)

    def _run_stage(self, runner: StageRunner) -> None:
        if runner.yields_to is not None:
            self._yield_to(runner.yields_to)
        self._run_or_wait(runner.run_once)

    def _index_attachments(self) -> None:
        self._yield_to(BatchStatus.LANDING)
        self._run_or_wait(self._attachments.index_once)

    def _run_or_wait(self, run_once: RunOnce) -> None:
        """One turn; where there is nothing to do, wait for a change, or a second at the most."""
        seen = self._catalog.change_counter()
        if run_once():
            return
        deadline = time.monotonic() + _IDLE_WAIT_SECONDS
        while time.monotonic() < deadline and not self._stop.wait(self._settings.poll_seconds):
            if self._catalog.change_counter() != seen:
                return

    def _yield_to(self, status: BatchStatus) -> None:
        """Wait while batches are due in ``status``, but not for ever.

        The steps share the processor. Without this, what has just come in would wait for the
        analysis of what came before it.
        """
        self._wait_while(lambda: self._is_due(status))

    def _is_due(self, status: BatchStatus) -> bool:
        with self._catalog.autocommit() as tx:
            return batch_queue.is_due(tx, status, now=self._catalog.now_ms())

    def _is_landing_due(self) -> bool:
        """Whether batches are landed here, or could be."""
        landing = BatchStatus.LANDING
        return any(line.is_processing(landing) for line in self._stage_runners) or self._is_due(
            landing
        )

    def _wait_while(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _YIELD_TIMEOUT_SECONDS
        while time.monotonic() < deadline and condition():
            if self._stop.wait(self._settings.poll_seconds):
                return

    def _heartbeat(self) -> None:
        self._writer_leases.renew()
        for line in self._stage_runners:
            line.renew()
        self._attachments.renew()

    def _maintain(self) -> None:
        # It holds the tables' locks for seconds, for which a landing would have to wait.
        self._wait_while(self._is_landing_due)
        maintenance.maintain_tables(self._lake, self._writer_leases)
        memory.collect_and_trim()

    def _collect_garbage(self) -> None:
        self._attachments.clean_spool()
        self._janitor.run_once()


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        CatalogError: the database cannot be used; the message says what to do.
        StorageError: the storage cannot be used.
    """
    memory.retain_freed_memory(_MALLOC_ARENAS)
    os.nice(_NICENESS)
    _raise_open_file_limit()
    tracing.start_tracing("worker")
    worker = Worker(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, worker.stop)
    with tuned_for_batches():
        worker.run()
    tracing.stop_tracing()


def _raise_open_file_limit() -> None:
    """Each attachment under way holds a file and a connection (getrlimit(2))."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILE_LIMIT if hard == resource.RLIM_INFINITY else min(_OPEN_FILE_LIMIT, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
