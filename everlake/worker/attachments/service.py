"""All that a worker does for attachments, put together once."""

import threading
from collections.abc import Callable, Iterator
from functools import partial

from everlake.attachments.spool import Spool
from everlake.attachments.text.extractor import Extractor
from everlake.attachments.text.model import ExtractionLimits
from everlake.catalog import downloads, readings
from everlake.catalog.attachments import TextState
from everlake.catalog.engine import Catalog, Connection
from everlake.lake import Lake
from everlake.metrics import Meters
from everlake.settings import Settings
from everlake.storage import ObjectStore
from everlake.worker.attachments.fetching import Fetching, FetchingPace, fetcher_of
from everlake.worker.attachments.indexing import Indexing, indexer_of
from everlake.worker.attachments.obtaining import Obtainer
from everlake.worker.attachments.outside import open_fetcher
from everlake.worker.attachments.reading import Reading, ReadingPace, reader_of
from everlake.worker.attachments.speech import check_speech, speech_limits
from everlake.worker.leases import WriterLeases

SPOOL = "spool"
"""The folder of the data directory where content is put together."""
_SPOOLED_SECONDS = 24 * 3_600.0
"""For so long what was fetched in part is kept, to be gone on with."""

Turn = Callable[[], bool]


class Attachments:
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
        meters: Meters,
    ) -> None:
        self._stop = stop
        lease_ms = int(settings.lease_seconds * 1000)
        retry_ms = int(settings.retry_seconds * 1000)
        self._spool = Spool(settings.data_directory / SPOOL)
        self._fetcher = open_fetcher(settings, self._spool)
        self._fetching = Fetching(
            catalog,
            store,
            Obtainer(catalog, store, self._fetcher, self._spool, settings.max_attachment_bytes),
            self._spool,
            worker=worker,
            pace=FetchingPace(
                at_once=settings.attachment_concurrency,
                at_once_per_host=settings.attachment_host_concurrency,
                lease_ms=lease_ms,
                retry_ms=retry_ms,
                max_attempts=settings.attachment_attempts,
            ),
            stop=stop,
            meters=meters,
        )
        self._reading = Reading(
            catalog,
            store,
            self._spool,
            worker=worker,
            pace=ReadingPace(
                lease_ms=lease_ms, retry_ms=retry_ms, max_attempts=settings.max_attempts
            ),
            meters=meters,
            speech=settings.speech_model is not None,
        )
        self._indexing = Indexing(catalog, store, lake, writers, worker=worker, lease_ms=lease_ms)
        limits = ExtractionLimits(
            seconds=settings.attachment_text_seconds,
            memory_bytes=settings.attachment_text_memory,
            most_characters=settings.attachment_text_characters,
        )
        self._extractors = [Extractor(limits) for _ in range(settings.attachment_text_processes)]
        speech = check_speech(settings)
        listeners = settings.attachment_speech_processes if speech is not None else 0
        self._listeners = [Extractor(speech_limits(settings), speech) for _ in range(listeners)]
        # Where there is no model any more, what waits for one is told so.
        self._refusing = self._extractors[:1] if settings.speech_model is None else []
        self._fetches = settings.attachment_concurrency > 0

    def start(self) -> None:
        """Let the threads that fetch wait for what is claimed."""
        self._fetching.start()

    def turns(self) -> Iterator[Turn]:
        """What a thread each is to do again and again; True where there was something to do."""
        if self._fetches:
            yield self._fetching.turn
        for extractor in self._extractors:
            yield partial(self._reading.turn, extractor, self._stop)
        for listener in self._listeners or self._refusing:
            yield partial(self._reading.turn, listener, self._stop, TextState.RECORDING)

    def index(self) -> bool:
        """Write some texts to the lake's tables; False where there are none."""
        return self._indexing.turn()

    def renew(self) -> None:
        """Keep all claims."""
        self._fetching.renew()
        self._reading.renew()
        self._indexing.renew()

    def sweep(self) -> None:
        """Remove what nobody has gone on with for a day."""
        self._spool.sweep(_SPOOLED_SECONDS)

    def leave(self) -> None:
        """Stop, and hand back what is not finished."""
        self._fetching.leave()
        self._fetcher.close()
        for extractor in (*self._extractors, *self._listeners):
            extractor.close()


def abandon(tx: Connection, worker: str, *, now: int) -> int:
    """Make the attachments of a worker that died due at once; how many."""
    return (
        downloads.abandon(tx, fetcher_of(worker), now=now)
        + readings.abandon(tx, reader_of(worker), now=now)
        + readings.abandon(tx, indexer_of(worker), now=now)
    )
