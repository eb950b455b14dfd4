"""Attachment worker: downloads, extraction and indexing of one worker process."""

import threading
from collections.abc import Iterator
from functools import partial

from everlake.attachments.extraction.extractor import Extractor
from everlake.attachments.extraction.types import ExtractionLimits
from everlake.attachments.spooling.spool import Spool
from everlake.catalog import download_queue, jobs
from everlake.catalog.database import Catalog, Connection
from everlake.catalog.jobs import JobKind
from everlake.catalog.quotas import WorkspaceQuotas
from everlake.jobs.queue import JobQueue, job_owner
from everlake.lake import Lake
from everlake.lake.writer_leases import WriterLeases
from everlake.metrics import Metrics
from everlake.retry import RetryPolicy
from everlake.settings import Settings
from everlake.storage import DiskReserve, ObjectStore
from everlake.worker.attachments.content_source import ContentSource
from everlake.worker.attachments.downloading import DownloadPolicy, DownloadWorker, download_owner
from everlake.worker.attachments.extraction import ExtractionWorker
from everlake.worker.attachments.fetcher_factory import open_fetcher
from everlake.worker.attachments.indexing import IndexingWorker
from everlake.worker.attachments.speech_settings import (
    load_transcription_options,
    transcription_limits,
)
from everlake.worker.types import RunOnce

SPOOL = "spool"
"""Folder of the spool in the data directory."""

_SPOOL_RETENTION_SECONDS = 24 * 3_600.0
"""How long content that was fetched in part is kept, to be resumed."""


class AttachmentWorker:
    """Downloads, extracts and indexes attachments, in threads of the worker.

    Args:
        settings: of fetching, extraction and transcription.
        catalog: has the download queue and the jobs.
        store: has content and texts.
        lake: takes the texts.
        writer_leases: the right to write a workspace's tables.
        worker: name of this worker.
        stop: set when the worker ends.
        metrics: counts attempts.

    Raises:
        SettingsError: the hosts that are allowed, the proxy, or the transcription are not well
            defined.
        SpoolError: the spool's folder cannot be created.
    """

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: ObjectStore,
        lake: Lake,
        writer_leases: WriterLeases,
        *,
        worker: str,
        stop: threading.Event,
        metrics: Metrics,
    ) -> None:
        self._stop = stop
        lease_ms = int(settings.worker.lease_seconds * 1000)
        retry_ms = int(settings.worker.retry_seconds * 1000)
        self._spool = Spool(settings.data_directory / SPOOL)
        self._fetcher = open_fetcher(settings, self._spool)
        self._downloads = DownloadWorker(
            catalog,
            store,
            ContentSource(
                catalog,
                store,
                self._fetcher,
                self._spool,
                settings.limits.attachment_bytes,
                WorkspaceQuotas(
                    catalog,
                    total_bytes=settings.quotas.total_bytes,
                    records_per_day=0,
                ),
            ),
            self._spool,
            # Of the data directory too, which has the spool.
            DiskReserve(
                [*settings.record_directories, settings.data_directory],
                settings.storage.reserve_bytes,
            ),
            worker=worker,
            policy=DownloadPolicy(
                concurrency=settings.fetching.concurrency,
                host_concurrency=settings.fetching.host_concurrency,
                lease_ms=lease_ms,
                retry=RetryPolicy(max_attempts=settings.fetching.max_attempts, base_ms=retry_ms),
            ),
            stop=stop,
            metrics=metrics,
        )
        self._jobs = JobQueue(catalog, owner=job_owner(worker), lease_ms=lease_ms)
        self._extraction = ExtractionWorker(
            self._jobs,
            catalog,
            store,
            self._spool,
            retry_policy=RetryPolicy(max_attempts=settings.worker.max_attempts, base_ms=retry_ms),
            metrics=metrics,
            transcribes=settings.transcription.model_directory is not None,
        )
        self._indexing = IndexingWorker(self._jobs, catalog, store, lake, writer_leases)
        limits = ExtractionLimits(
            seconds=settings.extraction.timeout,
            memory_bytes=settings.extraction.memory,
            max_characters=settings.extraction.max_characters,
            user_id=settings.extraction.user_id,
        )
        self._extractors = [Extractor(limits) for _ in range(settings.extraction.processes)]
        speech = load_transcription_options(settings)
        processes = settings.transcription.processes if speech is not None else 0
        self._transcribers = [
            Extractor(transcription_limits(settings), speech) for _ in range(processes)
        ]
        # Where the model was removed, recordings that wait for it fail with EXTRA_MISSING.
        without_model = settings.transcription.model_directory is None
        self._refusing_extractors = self._extractors[:1] if without_model else []
        self._downloads_enabled = settings.fetching.concurrency > 0

    def start(self) -> None:
        """Start the threads that fetch."""
        self._downloads.start()

    def steps(self) -> Iterator[RunOnce]:
        """Yield functions, each to be called repeatedly by a thread of its own."""
        if self._downloads_enabled:
            yield self._downloads.run_once
        for extractor in self._extractors:
            yield partial(self._extraction.run_once, extractor, self._stop)
        for transcriber in self._transcribers or self._refusing_extractors:
            yield partial(
                self._extraction.run_once,
                transcriber,
                self._stop,
                kind=JobKind.TRANSCRIBE_RECORDING,
            )

    def index_once(self) -> bool:
        """Write some texts to the lake's tables; return False where there are none."""
        return self._indexing.run_once()

    def renew(self) -> None:
        """Extend all leases."""
        self._downloads.renew()
        self._jobs.renew()

    def clean_spool(self) -> None:
        """Remove content that was fetched in part and not resumed for a day."""
        self._spool.remove_stale(_SPOOL_RETENTION_SECONDS)

    def shut_down(self) -> None:
        """Give back what is not finished, once ``stop`` is set."""
        self._downloads.shut_down()
        self._fetcher.close()
        for extractor in (*self._extractors, *self._transcribers):
            extractor.close()


def expire_leases(tx: Connection, worker: str, *, now: int) -> int:
    """Make the attachments of a dead worker due at once; return their number."""
    return download_queue.expire_leases(tx, download_owner(worker), now=now) + jobs.expire_leases(
        tx, job_owner(worker), now=now
    )
