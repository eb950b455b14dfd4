"""All that a worker does for attachments, put together once."""

import threading
from collections.abc import Callable, Iterator
from functools import partial

from everlake.attachments.extraction.extractor import Extractor
from everlake.attachments.extraction.types import ExtractionLimits
from everlake.attachments.spooling.spool import Spool
from everlake.catalog import download_queue, extraction_queue
from everlake.catalog.attachments import TextStage
from everlake.catalog.database import Catalog, Connection
from everlake.lake import Lake
from everlake.lake.writer_leases import WriterLeases
from everlake.metrics import Metrics
from everlake.settings import Settings
from everlake.storage import ObjectStore
from everlake.worker.attachments.content_source import ContentSource
from everlake.worker.attachments.downloading import DownloadPolicy, DownloadWorker, download_owner
from everlake.worker.attachments.extraction import (
    ExtractionPolicy,
    ExtractionWorker,
    extraction_owner,
)
from everlake.worker.attachments.fetcher_factory import open_fetcher
from everlake.worker.attachments.indexing import IndexingWorker, indexing_owner
from everlake.worker.attachments.speech_settings import (
    load_transcription_options,
    transcription_limits,
)

SPOOL = "spool"
"""The folder of the data directory where content is put together."""
_SPOOL_RETENTION_SECONDS = 24 * 3_600.0
"""For so long what was fetched in part is kept, to be gone on with."""

RunOnce = Callable[[], bool]


class AttachmentWorker:
    """Fetching, reading and indexing, as threads of a worker take turns at them.

    Recordings are read by threads of their own, since one takes as long as thousands of other
    files.

    Args:
        settings: how many at once, how patiently, and from where.
        catalog: has the queues.
        store: has content and texts.
        lake: takes the texts.
        writers: the right to write a workspace's tables.
        worker: this worker's name.
        stop: set when the worker ends.
        meters: count what becomes of them.

    Raises:
        SettingsError: where attachments may come from, or the proxy, is not well formed; or speech
            cannot be written down.
        SpoolFailed: the spool's folder cannot be made.
    """

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        store: ObjectStore,
        lake: Lake,
        writers: WriterLeases,
        *,
        worker: str,
        stop: threading.Event,
        meters: Metrics,
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
                catalog, store, self._fetcher, self._spool, settings.limits.attachment_bytes
            ),
            self._spool,
            worker=worker,
            policy=DownloadPolicy(
                concurrency=settings.fetching.concurrency,
                host_concurrency=settings.fetching.host_concurrency,
                lease_ms=lease_ms,
                retry_ms=retry_ms,
                max_attempts=settings.fetching.max_attempts,
            ),
            stop=stop,
            meters=meters,
        )
        self._extraction = ExtractionWorker(
            catalog,
            store,
            self._spool,
            worker=worker,
            policy=ExtractionPolicy(
                lease_ms=lease_ms, retry_ms=retry_ms, max_attempts=settings.worker.max_attempts
            ),
            meters=meters,
            transcribes=settings.transcription.model_directory is not None,
        )
        self._indexing = IndexingWorker(
            catalog, store, lake, writers, worker=worker, lease_ms=lease_ms
        )
        limits = ExtractionLimits(
            seconds=settings.extraction.timeout,
            memory_bytes=settings.extraction.memory,
            max_characters=settings.extraction.max_characters,
        )
        self._extractors = [Extractor(limits) for _ in range(settings.extraction.processes)]
        speech = load_transcription_options(settings)
        listeners = settings.transcription.processes if speech is not None else 0
        self._transcribers = [
            Extractor(transcription_limits(settings), speech) for _ in range(listeners)
        ]
        # Where there is no model any more, what waits for one is told so.
        self._refusing_extractors = self._extractors[:1] if settings.transcription.model_directory is None else []
        self._downloads_enabled = settings.fetching.concurrency > 0

    def start(self) -> None:
        """Let the threads that fetch wait for what is claimed."""
        self._downloads.start()

    def steps(self) -> Iterator[RunOnce]:
        """What a thread each is to do again and again; True where there was something to do."""
        if self._downloads_enabled:
            yield self._downloads.run_once
        for extractor in self._extractors:
            yield partial(self._extraction.run_once, extractor, self._stop)
        for listener in self._transcribers or self._refusing_extractors:
            yield partial(self._extraction.run_once, listener, self._stop, TextStage.RECORDING)

    def index_once(self) -> bool:
        """Write some texts to the lake's tables; False where there are none."""
        return self._indexing.run_once()

    def renew(self) -> None:
        """Keep all claims."""
        self._downloads.renew()
        self._extraction.renew()
        self._indexing.renew()

    def clean_spool(self) -> None:
        """Remove what nobody has gone on with for a day."""
        self._spool.remove_stale(_SPOOL_RETENTION_SECONDS)

    def shut_down(self) -> None:
        """Stop, and hand back what is not finished."""
        self._downloads.shut_down()
        self._fetcher.close()
        for extractor in (*self._extractors, *self._transcribers):
            extractor.close()


def expire_leases(tx: Connection, worker: str, *, now: int) -> int:
    """Make the attachments of a worker that died due at once; how many."""
    return (
        download_queue.expire_leases(tx, download_owner(worker), now=now)
        + extraction_queue.expire_leases(tx, extraction_owner(worker), now=now)
        + extraction_queue.expire_leases(tx, indexing_owner(worker), now=now)
    )
