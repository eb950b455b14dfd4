"""Worker: the process that lands and analyses batches, and processes attachments."""

import signal
import threading

from everlake import memory, tracing
from everlake.catalog import batch_queue, leases
from everlake.catalog.opening import open_catalog
from everlake.contract.batches import BatchStatus
from everlake.lake.opening import open_lake
from everlake.lake.writer_leases import WriterLeases
from everlake.logs import logger
from everlake.metrics import Metrics, acquire_slot
from everlake.retry import RetryPolicy
from everlake.runtime.gc_tuning import tuned_for_batches
from everlake.runtime.liveness import LivenessLock
from everlake.runtime.metrics_exposition import MetricsExposition
from everlake.runtime.metrics_server import serve_metrics
from everlake.runtime.process import configure_worker_process
from everlake.settings import Settings
from everlake.storage import open_store
from everlake.worker import maintenance, stages
from everlake.worker.attachments.service import AttachmentWorker, expire_leases
from everlake.worker.janitor import INTERVAL_SECONDS, Janitor
from everlake.worker.loops import Loops
from everlake.worker.stage_runner import StageRunner
from everlake.worker.types import Stage, lease_owner

_MAX_RETRY_MS = 60_000
_STOP_POLL_SECONDS = 1.0

_log = logger()


class Worker:
    """Everything that one worker process runs.

    Args:
        settings: the settings of this machine.

    Raises:
        CatalogError: the database cannot be used; the message says what to do.
        StorageError: the storage cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Before any metric is created, since that decides where its value is kept.
        self._process_slot = acquire_slot(settings.metrics_directory, "worker")
        self._metrics = Metrics()
        self._catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
        self._catalog.check()
        self._store = open_store(settings.archive_url)
        self._liveness = LivenessLock(settings.data_directory)
        self._stop = threading.Event()
        self._janitor = Janitor(settings, self._catalog, self._store, self._liveness.name)
        lease_ms = int(settings.worker.lease_seconds * 1000)
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
            metrics=self._metrics,
        )
        self._loops = Loops(self._catalog, self._stop, settings.worker.poll_seconds)

    def run(self) -> None:
        """Work until :meth:`stop` is called, then finish the current steps and return."""
        self._release_leases_of_dead_workers()
        maintenance.repair_tables(self._catalog, self._lake, self._writer_leases)
        if self._settings.worker.metrics_port:
            exposition = MetricsExposition(
                self._metrics, self._process_slot, self._catalog, self._settings.rebuild_lock
            )
            serve_metrics(exposition, self._settings.worker.metrics_port)
        _log.info("worker started", worker=self._liveness.name)
        self._add_loops()
        self._attachments.start()
        self._loops.start()
        # The system may deliver a signal to another thread; Python handles it when this one wakes.
        while not self._stop.wait(_STOP_POLL_SECONDS):
            pass
        self._loops.join()
        self._attachments.shut_down()
        self._writer_leases.release_all()
        self._janitor.release()
        self._liveness.release()
        self._catalog.close()
        _log.info("worker stopped")

    def stop(self, *_: object) -> None:
        """Ask :meth:`run` to return; usable as a signal handler."""
        self._stop.set()

    def _stage_runner(self, stage: Stage, lease_ms: int) -> StageRunner:
        return StageRunner(
            self._catalog,
            self._writer_leases,
            stage,
            worker=self._liveness.name,
            lease_ms=lease_ms,
            retry_policy=RetryPolicy(
                max_attempts=self._settings.worker.max_attempts,
                base_ms=int(self._settings.worker.retry_seconds * 1000),
                max_ms=_MAX_RETRY_MS,
                jitter=0,
            ),
            metrics=self._metrics,
        )

    def _add_loops(self) -> None:
        for runner in self._stage_runners:
            self._loops.add(runner.run_once, yields_to=runner.yields_to)
        for run_once in self._attachments.steps():
            self._loops.add(run_once)
        self._loops.add(self._attachments.index_once, yields_to=BatchStatus.LANDING)
        self._loops.add_periodic(self._renew_leases, self._settings.worker.lease_seconds / 4)
        self._loops.add_periodic(self._maintain, self._settings.worker.maintenance_seconds)
        self._loops.add_periodic(self._collect_garbage, INTERVAL_SECONDS)

    def _release_leases_of_dead_workers(self) -> None:
        for name in self._liveness.dead_workers():
            owners = [lease_owner(name, stage.name) for stage in self._stages]
            with self._catalog.transaction() as tx:
                now = self._catalog.now_ms()
                batches = batch_queue.expire_leases(tx, owners, now=now)
                attachments = expire_leases(tx, name, now=now)
                leases.expire_all(tx, name, now=now)
            _log.warning(
                "took over the leases of a dead worker",
                worker=name,
                batches=batches,
                attachments=attachments,
            )

    def _renew_leases(self) -> None:
        self._writer_leases.renew()
        for runner in self._stage_runners:
            runner.renew()
        self._attachments.renew()

    def _maintain(self) -> None:
        # Maintenance holds a table's lock for seconds, for which a landing would have to wait.
        self._loops.wait_while(self._is_landing)
        maintenance.maintain_tables(self._lake, self._writer_leases)
        memory.collect_and_trim()

    def _is_landing(self) -> bool:
        """Return whether this worker lands batches, or there are batches to land."""
        landing = BatchStatus.LANDING
        return any(
            runner.is_processing(landing) for runner in self._stage_runners
        ) or self._loops.is_due(landing)

    def _collect_garbage(self) -> None:
        self._attachments.clean_spool()
        self._janitor.run_once()


def run_worker(settings: Settings) -> None:
    """Run a worker in this process until SIGTERM or SIGINT.

    Raises:
        CatalogError: the database cannot be used; the message says what to do.
        StorageError: the storage cannot be used.
    """
    configure_worker_process()
    tracing.start_tracing("worker")
    worker = Worker(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, worker.stop)
    with tuned_for_batches():
        worker.run()
    tracing.stop_tracing()
